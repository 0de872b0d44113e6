"""What makes a stage stale."""

from pathlib import Path

import pytest

from finintent import code_digest as module
from finintent.code_digest import code_digest, counted_modules


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package in the place of the real one."""
    folder = tmp_path / "finintent"
    (folder / "task").mkdir(parents=True)
    (folder / "machine").mkdir()
    monkeypatch.setattr(module, "PACKAGE", folder)
    return folder


def test_digest_of_a_stage_follows_its_imports_and_nothing_else(package: Path):
    used, other, script = package / "task/a.py", package / "task/b.py", package.parent / "script.py"
    used.write_text("X = 1\n")
    other.write_text("Y = 1\n")
    script.write_text('"""A script."""\nfrom finintent.task.a import X\n')
    first = code_digest(script)
    assert counted_modules(script) == ["task/a"]
    other.write_text("Y = 2\n")
    used.write_text('"""A docstring."""\nX  =  1  # a comment\n')
    assert code_digest(script) == first
    used.write_text("X = 2\n")
    assert code_digest(script) != first


def test_modules_of_one_name_in_two_folders_are_two(package: Path):
    script = package.parent / "script.py"
    for folder in ("task", "machine"):
        (package / folder / "a.py").write_text("X = 1\n")
    script.write_text("from finintent.task.a import X\nfrom finintent.machine.a import X as Y\n")
    assert counted_modules(script) == ["machine/a", "task/a"]


def test_what_cannot_change_a_result_is_not_counted(package: Path):
    script, lock = package.parent / "script.py", package / "machine/lock.py"
    lock.write_text("Z = 1\n")
    script.write_text("from finintent.machine.lock import Z\n")
    first = code_digest(script)
    lock.write_text("Z = 2\n")
    assert code_digest(script) == first
    assert counted_modules(script) == []


def test_the_description_of_a_field_is_not_counted(package: Path):
    block, script = package / "task/a.py", package.parent / "script.py"
    script.write_text("from finintent.task.a import Block\n")
    digests = {}
    for name, field in {
        "first": 'Field(1, ge=1, description="rows")',
        "reworded": 'Field(1, ge=1, description="rows to "\n    "train on")',
        "without": "Field(1, ge=1)",
        "range": 'Field(1, ge=0, description="rows")',
        "default": 'Field(2, ge=1, description="rows")',
        "other": 'Row(1, ge=1, description="rows")',
    }.items():
        block.write_text(f"class Block(BaseModel):\n    rows: int = {field}\n")
        digests[name] = code_digest(script)
    assert digests["first"] == digests["reworded"] == digests["without"]
    assert len({digests[name] for name in ("first", "range", "default", "other")}) == 4


@pytest.mark.parametrize("name", sorted(module.NOT_COUNTED))
def test_what_is_not_counted_exists(name: str):
    assert (module.PACKAGE / f"{name}.py").is_file()


@pytest.mark.parametrize(
    "line", ["import finintent.task.a", "from finintent import task", "from finintent.task import a"]
)
def test_an_import_that_hides_what_is_used_is_refused(package: Path, line: str):
    script = package.parent / "script.py"
    script.write_text(f"{line}\n")
    with pytest.raises(ImportError, match=r"write `from finintent\.folder\.module import name`"):
        code_digest(script)


def test_what_is_named_as_not_counted_exists():
    assert all((module.PACKAGE / f"{name}.py").is_file() for name in module.NOT_COUNTED)
