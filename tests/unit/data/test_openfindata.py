import io
import json
import os
import random
import re
import runpy
import stat
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from finintent.data.openfindata import TERMS, fetch_member, read_member
from finintent.errors import DataError
from tiny import ROOT

# An item in the very form of the released benchmark.
ITEMS = [
    {
        "id": "0",
        "question": "你是一个意图情绪助手。请给出正确选项。\n问句:商业银行可以吗",
        **{"A": "行业板块问询", "B": "个股问询", "C": "大盘问询", "D": "客服问询", "E": "基金问询"},
        "answer": "A",
    }
]
MEMBER = "intent_understanding.json"


def packed(
    members: dict[str | zipfile.ZipInfo, bytes], seed: int = 0, compression: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A release archive with 400 kB of ballast that differs by seed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("openfindata_release/ballast.bin", random.Random(seed).randbytes(400_000))
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def release(seed: int = 0) -> bytes:
    return packed({f"openfindata_release/{MEMBER}": json.dumps(ITEMS, ensure_ascii=False).encode()}, seed)


class Server(ThreadingHTTPServer):
    """One file, as a release host serves it; `requests` counts how often it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = release()
        self.cut_at: int | None = None
        self.status = 200
        self.requests = 0
        self.url = f"http://127.0.0.1:{self.server_port}/download/release.zip?token=1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        server.requests += 1
        body = server.body if server.status == 200 else b""
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cut_at])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(server: Server, folder: Path, **arguments: str) -> Path:
    """Take the questions out of the server's archive; return the path of the archive."""
    arguments = {"folder": folder / "downloads", "lock_file": folder / "locks/openfindata.json"} | arguments
    questions = fetch_member(server.url, MEMBER, folder / "questions", **arguments)
    assert questions == folder / "questions" / MEMBER
    assert json.loads(questions.read_text()) == ITEMS
    assert os.listdir(folder / "questions") == [MEMBER]
    return folder / "downloads/release.zip"


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]  # which stays, empty


def same(archive: Path, server: Server) -> bool:
    return (
        archive.read_bytes() == server.body
    )  # not in an assertion, where pytest would take minutes to show a difference


def assert_nothing_is_trusted(folder: Path) -> None:
    assert not (folder / "locks").exists()
    assert not (folder / "questions").exists()
    assert names(folder / "downloads") == []


def test_the_first_download_is_kept_and_locked(server: Server, tmp_path: Path):
    archive = fetch(server, tmp_path)
    assert same(archive, server)
    lock = json.loads((tmp_path / "locks/openfindata.json").read_text())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", lock.pop("downloaded"))
    assert lock == {"url": server.url, "sha256": sha256(server.body).hexdigest(), "bytes": len(server.body)}
    assert names(archive.parent) == ["release.zip"]
    assert fetch(server, tmp_path) == archive
    assert server.requests == 1


def test_an_interrupted_download_starts_again(server: Server, tmp_path: Path):
    server.cut_at = 300_000
    with pytest.raises(DataError, match=r"could not be downloaded \(ChunkedEncodingError\); run again"):
        fetch(server, tmp_path)
    assert_nothing_is_trusted(tmp_path)
    (tmp_path / "downloads/release.zip.part").write_bytes(server.body[:-1] + b"xyz")  # of a process that was killed
    server.cut_at = None
    assert same(fetch(server, tmp_path), server)
    assert names(tmp_path / "downloads") == ["release.zip"]


def test_a_pinned_digest_is_enough(server: Server, tmp_path: Path):
    archive = fetch(server, tmp_path, sha256=sha256(server.body).hexdigest().upper())
    assert archive.exists()
    assert not (tmp_path / "locks").exists()


def test_two_at_once_fetch_one_archive(server: Server, tmp_path: Path):
    with ThreadPoolExecutor(4) as pool:
        archives = list(pool.map(lambda _: fetch(server, tmp_path), range(4)))
    assert len(set(archives)) == 1
    assert same(archives[0], server)
    assert server.requests == 1


def test_another_digest_than_the_pinned_one_is_refused(server: Server, tmp_path: Path):
    found = sha256(server.body).hexdigest()
    with pytest.raises(DataError, match=f"its sha256 is {found}, expected {'0' * 64}"):
        fetch(server, tmp_path, sha256="0" * 64)
    assert names(tmp_path / "downloads") == []


def test_another_file_than_the_first_one_is_refused(server: Server, tmp_path: Path):
    archive = fetch(server, tmp_path)
    first, archive_lock = sha256(server.body).hexdigest(), (tmp_path / "locks/openfindata.json").read_text()
    archive.unlink()
    server.body = release(seed=1)
    with pytest.raises(DataError, match=rf"expected {first} \(.*openfindata.json\)"):
        fetch(server, tmp_path)
    assert not archive.exists()
    assert (tmp_path / "locks/openfindata.json").read_text() == archive_lock


def test_an_archive_that_was_tampered_with_is_refused(server: Server, tmp_path: Path):
    fetch(server, tmp_path).write_bytes(release(seed=1))
    with pytest.raises(DataError, match="its sha256 is"):
        fetch(server, tmp_path)


def test_a_page_is_not_locked_as_the_archive(server: Server, tmp_path: Path):
    server.body = b"<html>Sign in</html>"
    with pytest.raises(DataError, match="expected a zip archive"):
        fetch(server, tmp_path)
    assert_nothing_is_trusted(tmp_path)


BROKEN = {
    "damaged": packed({MEMBER: b"[12345]"}, compression=zipfile.ZIP_STORED).replace(b"[12345]", b"[54321]"),
    "empty": packed({}),
    "no JSON": packed({MEMBER: b"<html>"}),
    "deep": packed({MEMBER: b"[" * 100_000}, compression=zipfile.ZIP_STORED),
    "unsafe": packed({f"../{MEMBER}": b"[]"}),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_an_archive_that_cannot_be_read_is_not_trusted(server: Server, tmp_path: Path, body: bytes):
    server.body = body
    advice = r"was removed and is not trusted: run again, or give .* evaluation\.path in the config"
    with pytest.raises(DataError, match=rf"{MEMBER}.*; the archive, downloaded from {re.escape(server.url)}, {advice}"):
        fetch(server, tmp_path)
    assert_nothing_is_trusted(tmp_path)
    server.body = release()
    assert same(fetch(server, tmp_path), server)  # it locks nobody out


def test_a_trusted_archive_stays_when_it_lacks_a_file(server: Server, tmp_path: Path):
    archive = fetch(server, tmp_path)
    with pytest.raises(DataError, match=r"expected one typo\.json.*; check evaluation\.task, or delete .*release\.zip"):
        fetch_member(
            server.url, "typo.json", tmp_path, folder=archive.parent, lock_file=tmp_path / "locks/openfindata.json"
        )
    assert fetch(server, tmp_path) == archive
    assert server.requests == 1


def test_offline_says_what_to_do(tmp_path: Path, server: Server):
    server.server_close()
    with pytest.raises(DataError, match=r"release.zip.*\(ConnectionError\); run again.*evaluation\.path"):
        fetch(server, tmp_path)


def test_an_error_of_the_server_is_named(server: Server, tmp_path: Path):
    server.status = 503
    with pytest.raises(DataError, match=r"\(HTTP 503\); run again"):
        fetch(server, tmp_path)
    assert_nothing_is_trusted(tmp_path)
    server.status = 200
    assert same(fetch(server, tmp_path), server)


def unpack(tmp_path: Path, content: bytes) -> bytes:
    (tmp_path / "release.zip").write_bytes(content)
    return read_member(tmp_path / "release.zip", MEMBER)


def test_only_the_wanted_file_is_unpacked(tmp_path: Path):
    assert json.loads(unpack(tmp_path, release())) == ITEMS
    assert os.listdir(tmp_path) == ["release.zip"]


@pytest.mark.parametrize("name", [f"../{MEMBER}", f"a/../../{MEMBER}", f"/etc/{MEMBER}"])
def test_a_path_out_of_the_archive_is_refused(tmp_path: Path, name: str):
    with pytest.raises(DataError, match=f"refused {re.escape(name)}"):
        unpack(tmp_path, packed({name: b"[]"}))
    assert os.listdir(tmp_path) == ["release.zip"]


def test_a_symbolic_link_is_refused(tmp_path: Path):
    link = zipfile.ZipInfo(f"openfindata_release/{MEMBER}")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(DataError, match="expected a plain file"):
        unpack(tmp_path, packed({link: b"/etc/passwd"}))


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(DataError, match="10000000 bytes unpacked"):
            unpack(tmp_path, packed({MEMBER: bytes(10_000_000)}, compression=compression))
    with pytest.raises(DataError, match="expected 0 at most"):  # one read of another method is not bounded
        unpack(tmp_path, packed({MEMBER: b"[]"}, compression=zipfile.ZIP_LZMA))
    monkeypatch.setattr("finintent.data.openfindata.MAX_BYTES", 100)
    with pytest.raises(DataError, match="101 bytes unpacked, expected 100"):
        unpack(tmp_path, packed({MEMBER: random.Random(0).randbytes(101)}))


def test_a_size_that_lies_does_not_unpack_more(tmp_path: Path):
    content = packed({MEMBER: bytes(10_000_000)})
    small = content.replace((10_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    assert small != content
    tracemalloc.start()
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(tmp_path, small)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_missing_file_names_what_there_is(tmp_path: Path):
    with pytest.raises(DataError, match=rf"expected one {MEMBER}, found \[.*'a/other.json'\]"):
        unpack(tmp_path, packed({"a/other.json": b"[]"}))


def test_two_files_of_the_name_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match=f"expected one {MEMBER}"):
        unpack(tmp_path, packed({f"a/{MEMBER}": b"[]", f"b/{MEMBER}": b"[]"}))


def test_a_broken_archive_is_named(tmp_path: Path):
    content = packed({MEMBER: b"[12345]"}, compression=zipfile.ZIP_STORED)
    for broken in (b"PK", content.replace(b"[12345]", b"[54321]")):
        with pytest.raises(DataError, match=r"release.zip: .* cannot be unpacked"):
            unpack(tmp_path, broken)


def test_the_script_tells_the_terms_and_writes_the_task(server: Server, tmp_path: Path, monkeypatch, caplog):
    main = runpy.run_path(str(ROOT / "workflow/scripts/download_questions.py"))["main"]
    main.__globals__["RELEASE"] = server.url
    monkeypatch.chdir(tmp_path)
    with caplog.at_level("INFO", "finintent"):
        main(output=f"results/openfindata/{MEMBER}")
    assert caplog.messages == [TERMS]
    assert json.loads(Path(f"results/openfindata/{MEMBER}").read_text()) == ITEMS
    assert Path("resources/openfindata.lock.json").exists()


def test_the_terms_forbid_training():
    assert "academic" in TERMS
    assert "trained" in TERMS
