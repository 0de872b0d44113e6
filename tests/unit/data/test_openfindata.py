import io
import json
import os
import random
import re
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

from finintent.data.openfindata import TERMS, download, extract
from finintent.errors import DataError

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
    """One file, as a release host serves it; `requests` logs the Range asked for and the status given."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = release()
        self.cut_at: int | None = None
        self.ranges = self.validates = True
        self.shift = 0  # how far from the place asked for the rest begins
        self.encodings: set[str] = set()
        self.status = 200
        self.requests: list[tuple[str | None, int]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/download/release.zip?token=1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, etag = self.server, f'"{sha256(self.server.body).hexdigest()}"'
        asked = self.headers["Range"]
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if start and server.validates and self.headers["If-Range"] != etag:
            start = 0
        status = server.status if server.status != 200 else 416 if start >= len(server.body) else 206 if start else 200
        server.requests.append((asked, status))
        server.encodings.add(self.headers["Accept-Encoding"])
        start -= server.shift if start else 0
        self.send_response(status)
        if status in (200, 206):
            self.send_header("ETag", etag)
            self.send_header("Content-Length", str(len(server.body) - start))
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{len(server.body) - 1}/{len(server.body)}")
            self.end_headers()
            self.wfile.write(server.body[start : server.cut_at])
        else:
            self.send_header("Content-Length", "0")
            self.end_headers()

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
    return download(server.url, folder / "downloads", folder / "locks/openfindata.json", **arguments)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]  # which stays, empty


def same(archive: Path, server: Server) -> bool:
    return (
        archive.read_bytes() == server.body
    )  # not in an assertion, where pytest would take minutes to show a difference


def cut_off(server: Server, folder: Path) -> Path:
    """Download the first 300 kB and return the partial file."""
    server.cut_at = 300_000
    with pytest.raises(DataError, match=r"could not be downloaded \(ChunkedEncodingError\); run again to resume"):
        fetch(server, folder)
    server.cut_at = None
    part = folder / "downloads/release.zip.part"
    assert 0 < part.stat().st_size <= 300_000
    return part


def test_the_first_download_is_kept_and_locked(server: Server, tmp_path: Path):
    archive = fetch(server, tmp_path)
    assert same(archive, server)
    lock = json.loads((tmp_path / "locks/openfindata.json").read_text())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", lock.pop("downloaded"))
    assert lock == {"url": server.url, "sha256": sha256(server.body).hexdigest(), "bytes": len(server.body)}
    assert names(archive.parent) == ["release.zip"]
    assert fetch(server, tmp_path) == archive
    assert server.requests == [(None, 200)]
    assert server.encodings == {"identity"}  # a Range of a compressed body is none of the file


def test_only_the_rest_is_asked_for_after_a_cut(server: Server, tmp_path: Path):
    size = cut_off(server, tmp_path).stat().st_size
    assert same(fetch(server, tmp_path), server)
    assert server.requests == [(None, 200), (f"bytes={size}-", 206)]


def test_a_download_can_be_cut_twice(server: Server, tmp_path: Path):
    cut_off(server, tmp_path)
    size = cut_off(server, tmp_path).stat().st_size
    server.cut_at = None
    assert same(fetch(server, tmp_path), server)
    assert server.requests[-1] == (f"bytes={size}-", 206)


def test_a_server_without_ranges_sends_the_whole(server: Server, tmp_path: Path):
    server.ranges = False
    cut_off(server, tmp_path)
    assert same(fetch(server, tmp_path), server)
    assert server.requests[-1][1] == 200


@pytest.mark.parametrize("validates", [True, False])
def test_a_file_that_changed_is_not_glued_together(server: Server, tmp_path: Path, validates: bool):
    cut_off(server, tmp_path)
    server.body, server.validates = release(seed=1), validates
    assert same(fetch(server, tmp_path), server)
    assert [status for _, status in server.requests] == ([200, 200] if validates else [200, 206, 200])


def test_a_rest_from_another_place_is_not_taken(server: Server, tmp_path: Path):
    cut_off(server, tmp_path)
    server.shift = 10
    assert same(fetch(server, tmp_path), server)
    assert [status for _, status in server.requests] == [200, 206, 200]


def test_a_partial_file_that_is_too_long_is_dropped(server: Server, tmp_path: Path):
    part = cut_off(server, tmp_path)
    part.write_bytes(server.body + b"x")
    assert same(fetch(server, tmp_path), server)
    assert [status for _, status in server.requests] == [200, 416, 200]


def test_a_pinned_digest_is_enough(server: Server, tmp_path: Path):
    archive = fetch(server, tmp_path, sha256=sha256(server.body).hexdigest().upper())
    assert archive.exists()
    assert not (tmp_path / "locks").exists()


def test_two_at_once_fetch_one_archive(server: Server, tmp_path: Path):
    with ThreadPoolExecutor(4) as pool:
        archives = list(pool.map(lambda _: fetch(server, tmp_path), range(4)))
    assert len(set(archives)) == 1
    assert same(archives[0], server)
    assert len(server.requests) == 1


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
    assert not (tmp_path / "locks").exists()
    assert names(tmp_path / "downloads") == []


def test_offline_says_what_to_do(tmp_path: Path, server: Server):
    server.server_close()
    with pytest.raises(DataError, match=r"release.zip.*\(ConnectionError\).*0 bytes.*evaluation\.path"):
        fetch(server, tmp_path)


def test_an_error_of_the_server_keeps_the_partial_file(server: Server, tmp_path: Path):
    size = cut_off(server, tmp_path).stat().st_size
    server.status = 503
    with pytest.raises(DataError, match=rf"\(HTTP 503\).*\.part keeps {size} bytes"):
        fetch(server, tmp_path)
    server.status = 200
    fetch(server, tmp_path)
    assert server.requests[-1] == (f"bytes={size}-", 206)


def unpack(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "release.zip").write_bytes(content)
    return extract(tmp_path / "release.zip", MEMBER, tmp_path / "questions")


def test_only_the_wanted_file_is_unpacked(tmp_path: Path):
    path = unpack(tmp_path, release())
    assert json.loads(path.read_text()) == ITEMS
    assert os.listdir(tmp_path / "questions") == [MEMBER]


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


def test_the_terms_forbid_training():
    assert "academic" in TERMS
    assert "trained" in TERMS
