"""Files of the workflow's own folder, for a run elsewhere."""

from pathlib import Path

import pytest

from finintent.shipped import shipped, with_shipped_files


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workflow's folder, with one file; the working directory is another."""
    (tmp_path / "workflow/resources").mkdir(parents=True)
    (tmp_path / "workflow/resources/own.yaml").touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "workflow"


def test_a_file_of_the_working_directory_comes_first(root: Path):
    assert shipped("resources/own.yaml", root) == str(root / "resources/own.yaml")
    Path("resources").mkdir()
    Path("resources/own.yaml").touch()
    assert shipped("resources/own.yaml", root) == "resources/own.yaml"


def test_a_file_that_is_nowhere_keeps_its_name(root: Path):
    assert shipped("resources/none.yaml", root) == "resources/none.yaml"
    assert shipped("/nowhere/own.yaml", root) == "/nowhere/own.yaml"


def test_what_is_read_is_found_and_what_is_written_stays(root: Path):
    own, found = "resources/own.yaml", str(root / "resources/own.yaml")
    config = {"a": {"resources": "resources", "generation": {"recorded": {"responses": own}, "store": own}, "n": [1]}}
    assert with_shipped_files(config, root) == {
        "a": {
            "resources": str(root / "resources"),
            "generation": {"recorded": {"responses": found}, "store": own},
            "n": [1],
        }
    }


@pytest.mark.parametrize("config", [None, "a", {"datasets": {"path": 1}}])
def test_a_mistake_is_left_to_the_validation(config: object, root: Path):
    assert with_shipped_files(config, root) == config
