import json
import os
import re
import runpy
import shutil
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from huggingface_hub import constants

from fake_hub import TOKEN, FakeHub, FakeModelScope
from finintent.errors import DiskSpaceError, HubError, ModelError
from finintent.files import sha256
from finintent.models.download import download_checkpoint
from tiny import ROOT

REPO = "someone/model"
SHARD = os.urandom(300_000)
FILES = {
    "README.md": b"# model\n",
    "config.json": b"{}",
    "model-00001-of-00002.safetensors": SHARD,
    "model-00002-of-00002.safetensors": SHARD[::-1],
    "model.safetensors.index.json": b"[]",
    "modeling_own.py": b"raise SystemExit",
    "original/config.json": b"not this one",
    "pytorch_model.bin": b"the same weights once more",
    "tokenizer.json": b"{}",
}
TAKEN = sorted(
    name for name in FILES if name not in {"README.md", "modeling_own.py", "original/config.json", "pytorch_model.bin"}
)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with FakeHub(REPO, dict(FILES), kind="models") as hub:
        hub.connect(monkeypatch)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)  # 10 MB, of which what is incomplete is lost
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield hub


@pytest.fixture
def scope(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeModelScope]:
    with FakeModelScope(REPO, dict(FILES), kind="models") as scope:
        scope.connect(monkeypatch)
        monkeypatch.setenv("MODELSCOPE_HOME", str(tmp_path / "home"))
        yield scope


def source(hub: FakeHub, **changes: object) -> dict:
    if isinstance(hub, FakeModelScope):
        return {"type": "modelscope", "model_id": REPO, "revision": hub.commit, "size_gb": 1} | changes
    return {"type": "huggingface", "repo_id": REPO, "revision": hub.commit, "size_gb": 1} | changes


def fetch(hub: FakeHub, folder: Path, **changes: object) -> dict:
    return download_checkpoint(source(hub, **changes), folder / "m", folder / "locks")


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "m").iterdir() if path.is_file()}


def gets(hub: FakeHub) -> list[str]:
    """The requests for the content of a file."""
    return [request for request in hub.requests if re.match("GET .*(/resolve/|/repo )", request)]


@pytest.fixture(params=["hub", "scope"])
def either(request: pytest.FixtureRequest) -> FakeHub:
    return request.getfixturevalue(request.param)


def test_a_checkpoint_is_its_weights_tokenizer_and_configuration(either, tmp_path):
    record = fetch(either, tmp_path)
    assert files_in(tmp_path) == {name: FILES[name] for name in TAKEN}
    assert (record["repository"], record["revision"]) == (REPO, either.commit)
    assert sorted(record["files"]) == TAKEN
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        assert record["files"][name] == {"bytes": 300_000, "sha256": sha256(tmp_path / "m" / name)}
    assert not any(".py" in request or "original" in request for request in either.requests)
    assert not (tmp_path / "locks").exists()


def test_what_is_there_is_not_fetched_again(either, tmp_path):
    first = fetch(either, tmp_path)
    asked = len(gets(either))
    assert asked == len(TAKEN)
    assert fetch(either, tmp_path) == first
    assert len(gets(either)) == asked


def test_other_patterns_take_other_files_and_drop_what_is_not_of_them(either, tmp_path):
    fetch(either, tmp_path)
    fetch(either, tmp_path, files=["config.json", "*.bin", "*.py"])
    assert sorted(files_in(tmp_path)) == ["config.json", "pytorch_model.bin"]


def test_a_connection_that_breaks_off_is_taken_up_where_it_broke(either, tmp_path):
    either.cuts = {"model-00001-of-00002.safetensors": [100_000, 50_000]}
    fetch(either, tmp_path)
    assert files_in(tmp_path)["model-00001-of-00002.safetensors"] == SHARD
    rests = [int(request.split(" from ")[1]) for request in either.requests if " from " in request]
    assert rests[0] <= 100_000 < rests[1] <= 150_000


def test_a_file_that_fails_keeps_those_before_it(hub, tmp_path):
    hub.broken = {"model-00002-of-00002.safetensors"}
    with pytest.raises(HubError, match="the Hub answered 403"):
        fetch(hub, tmp_path)
    assert files_in(tmp_path)["model-00001-of-00002.safetensors"] == SHARD
    hub.broken, before = set(), len(gets(hub))
    fetch(hub, tmp_path)
    assert not any("model-00001" in request for request in gets(hub)[before:])
    assert sorted(files_in(tmp_path)) == TAKEN


@pytest.mark.parametrize("name", ["model-00002-of-00002.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_named_and_downloaded_again(hub, tmp_path, name: str):
    hub.damaged = {name}
    with pytest.raises(HubError, match=f"{REPO}@{hub.commit}: {name} arrived damaged, with another digest than"):
        fetch(hub, tmp_path)
    hub.damaged, before = set(), len(gets(hub))
    fetch(hub, tmp_path)
    assert files_in(tmp_path)[name] == FILES[name]
    assert len(gets(hub)) == before + 1


def test_a_damaged_file_of_modelscope_is_named_and_downloaded_again(scope, tmp_path, monkeypatch):
    monkeypatch.setattr("modelscope_hub._download.DOWNLOAD_INTEGRITY_RETRY_BACKOFF", 0)
    scope.damaged = {"tokenizer.json"}
    with pytest.raises(HubError, match=r"tokenizer\.json arrived damaged, with another size or digest than ModelScope"):
        fetch(scope, tmp_path)
    scope.damaged = set()
    fetch(scope, tmp_path)
    assert sorted(files_in(tmp_path)) == TAKEN


def test_a_file_that_was_changed_here_is_downloaded_again(either, tmp_path):
    fetch(either, tmp_path)
    path = tmp_path / "m/model-00001-of-00002.safetensors"
    path.write_bytes(b"?" + SHARD[1:])
    os.utime(path, (path.stat().st_mtime + 60,) * 2)
    fetch(either, tmp_path)
    assert path.read_bytes() == SHARD


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        ((404, "RepoNotFound"), "no such repository, or a private one; check the name and HF_TOKEN"),
        ((401, ""), "the Hub answered 401 (refused with 401); set HF_TOKEN to a token that may do this"),
        ((403, "GatedRepo"), "gated; accept its terms on its page, and set HF_TOKEN"),
        ((500, ""), "the Hub answered 500 (refused with 500); fix that, or run again later"),
    ],
)
def test_a_refusal_of_the_hub_is_one_sentence(hub, tmp_path, refusal, message: str):
    hub.refusal = refusal
    with pytest.raises(HubError, match=re.escape(f"{REPO}@{hub.commit}: {message}")):
        fetch(hub, tmp_path)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "no such model or revision; check model_id and revision"),
        (401, "refused; accept the model's terms on its page, and set MODELSCOPE_API_TOKEN"),
        (403, "refused; accept the model's terms on its page, and set MODELSCOPE_API_TOKEN"),
    ],
)
def test_a_refusal_of_modelscope_is_one_sentence(scope, tmp_path, status: int, message: str):
    scope.refusal = (status, "")
    with pytest.raises(HubError, match=re.escape(f"{REPO}@{scope.commit}: {message}")):
        fetch(scope, tmp_path)


def test_another_revision_is_named(either, tmp_path):
    with pytest.raises(HubError, match=f"{REPO}@{'0' * 40}: no such .*revision"):
        fetch(either, tmp_path, revision="0" * 40)


def test_no_connection_is_told(hub, tmp_path, monkeypatch):
    commit = hub.commit
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # where nobody listens
    with pytest.raises(HubError, match=rf"{REPO}@{commit}: the Hub cannot be reached \(ConnectError\)"):
        fetch(hub, tmp_path)


def test_no_connection_to_modelscope_is_told(scope, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("modelscope_hub._legacy_api.REPO_TREE_PAGE_MAX_ATTEMPTS", 1)
    with pytest.raises(HubError, match=r"ModelScope cannot be reached .*; check the network"):
        fetch(scope, tmp_path)


def test_offline_is_told(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set; unset it"):
        fetch(hub, tmp_path)
    assert hub.requests == []


def test_a_gated_model_asks_for_the_token_before_anything_else(hub, tmp_path):
    hub.gated = True
    with pytest.raises(HubError, match=f"gated, and HF_TOKEN is not set; accept its licence on {hub.url}/{REPO}, then"):
        fetch(hub, tmp_path, gated=True)
    assert hub.requests == []


def test_a_gated_model_downloads_nothing_for_another_account(hub, tmp_path, monkeypatch):
    hub.gated = True
    monkeypatch.setenv("HF_TOKEN", "hf_of-another-account")
    with pytest.raises(HubError, match="gated; accept its terms on its page, and set HF_TOKEN") as error:
        fetch(hub, tmp_path, gated=True)
    assert hub.requests == [f"GET /api/models/{REPO}/auth-check"]
    assert "hf_of" not in str(error.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch(hub, tmp_path, gated=True)
    assert sorted(files_in(tmp_path)) == TAKEN


def test_a_disk_that_is_too_small_stops_it_before_the_download(either, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    total = sum(len(FILES[name]) for name in TAKEN)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, total))
    with pytest.raises(DiskSpaceError, match=r"m: .* needs 0\.0 GB with its converted copy, 0\.0 GB are free"):
        fetch(either, tmp_path, convert="chatglm3")
    assert gets(either) == []
    fetch(either, tmp_path)
    fetch(either, tmp_path, convert="chatglm3")  # what is there is not counted again
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, total - 1))
    with pytest.raises(DiskSpaceError):
        fetch(either, tmp_path, convert="chatglm3")


@pytest.mark.parametrize(
    ("patterns", "lack"), [(["*.safetensors"], "no config.json"), (["*.json"], "no weights (.safetensors or .bin)")]
)
def test_patterns_that_make_no_checkpoint_are_named(either, tmp_path, patterns: list[str], lack: str):
    message = re.escape(f"{lack} among the files that match {patterns}, expected a checkpoint; correct source.files")
    with pytest.raises(HubError, match=message):
        fetch(either, tmp_path, files=patterns)
    assert gets(either) == []


def test_without_a_revision_the_first_commit_is_kept(hub, tmp_path, caplog):
    caplog.set_level("INFO", "finintent")
    where = (tmp_path / "m", tmp_path / "locks")
    unpinned = {key: value for key, value in source(hub).items() if key != "revision"}
    first = hub.commit
    assert download_checkpoint(unpinned, *where)["revision"] == first
    lock = tmp_path / "locks/someone--model.lock.json"
    assert json.loads(lock.read_text()).items() >= {"repo_id": REPO, "revision": first}.items()
    assert f"pinned to the commit {first} in {lock}" in caplog.messages[-1]
    hub.files["config.json"] = b'{"newer": true}'
    with pytest.raises(HubError, match=f"{REPO}@{first}: no such revision"):  # the stand-in has its last commit only
        download_checkpoint(unpinned, *where)
    lock.unlink()
    assert download_checkpoint(unpinned, *where)["revision"] == hub.commit != first


def test_a_download_that_fails_pins_nothing(hub, tmp_path):
    hub.broken = {"tokenizer.json"}
    with pytest.raises(HubError):
        fetch(hub, tmp_path, revision=None)
    assert not (tmp_path / "locks").exists()


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch):
    """`main` of prepare_model.py, with a converter that writes down what it was given."""

    def convert(kind: str, source: Path, target: Path) -> dict:
        (target / "config.json").write_text(kind)
        return {"converted": sorted(path.name for path in source.iterdir() if path.is_file())}

    stand_in = ModuleType("finintent.models.conversion")
    stand_in.convert = convert
    monkeypatch.setitem(sys.modules, "finintent.models.conversion", stand_in)
    for check in ("check_folder", "check_files"):  # the files are no model
        monkeypatch.setattr(f"finintent.models.folder_check.{check}", lambda folder: None)
    return runpy.run_path(str(ROOT / "workflow/scripts/prepare_model.py"))["main"]


def written(hub: FakeHub, folder: Path) -> Path:
    """Download into a folder and write the record beside it."""
    (folder / "m.json").write_text(json.dumps(fetch(hub, folder)))
    return folder / "m.json"


def test_downloaded_files_are_linked(either, tmp_path, prepare):
    prepare(
        source=source(either),
        vocabulary=None,
        template=None,
        inputs=[str(written(either, tmp_path))],
        directory=tmp_path / "model",
    )
    links = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir() if path.is_symlink()}
    assert links == {name: FILES[name] for name in TAKEN}
    record = json.loads((tmp_path / "model/source.json").read_text())
    assert record["revision"] == either.commit
    assert record["source"] == source(either)
    assert sorted(record["files"]) == TAKEN


def test_a_checkpoint_of_another_architecture_is_converted(hub, tmp_path, prepare):
    converted = source(hub, convert="chatglm3")
    prepare(
        source=converted,
        vocabulary=None,
        template=None,
        inputs=[str(written(hub, tmp_path))],
        directory=tmp_path / "model",
    )
    assert (tmp_path / "model/config.json").read_text() == "chatglm3"
    assert not any(path.is_symlink() for path in (tmp_path / "model").iterdir())
    assert json.loads((tmp_path / "model/source.json").read_text())["conversion"] == {"converted": TAKEN}


def test_a_local_checkpoint_is_converted_too(tmp_path, prepare):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/config.json").write_text("{}")
    local = {"type": "local", "path": str(tmp_path / "own"), "convert": "baichuan2"}
    prepare(source=local, vocabulary=None, template=None, inputs=[], directory=tmp_path / "model")
    record = json.loads((tmp_path / "model/source.json").read_text())
    assert (tmp_path / "model/config.json").read_text() == "baichuan2"
    assert record["conversion"] == {"converted": ["config.json"]}
    assert record["files"]["config.json"][0] == 2


def test_a_downloaded_file_that_went_away_is_named(hub, tmp_path, prepare):
    record = written(hub, tmp_path)
    (tmp_path / "m/tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"m/tokenizer.json: no such file.*--forcerun download_model"):
        prepare(source=source(hub), vocabulary=None, template=None, inputs=[str(record)], directory=tmp_path / "model")
