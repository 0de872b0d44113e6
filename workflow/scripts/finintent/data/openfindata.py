"""OpenFinData's release archive: fetched once, resumable, and verified before anything is taken out of it."""

import stat
import zipfile
import zlib
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
from filelock import FileLock
from pydantic import BaseModel

from finintent.errors import DataError
from finintent.files import parse, read_json, sha256, write_json

RELEASE = "https://github.com/open-compass/OpenFinData/releases/download/release/openfindata_release.zip"
TERMS = "OpenFinData's authors allow academic use only and ask that no model is ever trained on it."
MAX_BYTES = 100 * 2**20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile bounds what one read of these unpacks
MAX_RATIO = 200  # unpacked to packed: JSON text stays below 50, a zip bomb comes near deflate's 1,032


class Lock(BaseModel):
    """What was downloaded on first use, and is trusted from then on."""

    url: str
    sha256: str
    bytes: int
    downloaded: date


def download(url: str, folder: str | Path, lock_file: str | Path, sha256: str | None = None) -> Path:
    """Return the archive of `url` in `folder`, downloading what is not there yet.

    Its digest must be `sha256`, or without one that of `lock_file`, which the first download writes. DataError when the
    server cannot be reached (what has come is kept, the next call resumes there) or the digest differs (it is removed).
    """
    archive = Path(folder) / PurePosixPath(urlsplit(url).path).name
    archive.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(archive.with_name(archive.name + ".lock")):  # two tasks of the release may be asked for at once
        if not archive.exists():
            part, tag = (archive.with_name(archive.name + suffix) for suffix in (".part", ".etag"))
            part.touch()
            tag.touch()
            try:
                _fetch(url, part, tag)
            except requests.RequestException as error:
                reason = type(error).__name__ if error.response is None else f"HTTP {error.response.status_code}"
                raise DataError(
                    f"{url}: could not be downloaded ({reason}); run again to resume ({part} keeps "
                    f"{part.stat().st_size} bytes), or give a local copy of the questions as evaluation.path in the "
                    "config"
                ) from None
            part.replace(archive)
            tag.unlink()
        _verify(url, archive, Path(lock_file), sha256)
    return archive


def _fetch(url: str, part: Path, tag: Path) -> None:
    size, expected = part.stat().st_size, tag.read_text()
    headers = {"Accept-Encoding": "identity"}
    if resume := bool(size and expected):
        headers |= {"Range": f"bytes={size}-", "If-Range": expected}
    with requests.get(url, headers=headers, stream=True, timeout=(10, 60)) as response:
        found = response.headers.get("ETag") or response.headers.get("Last-Modified", "")
        rest = response.headers.get("Content-Range", "").startswith(f"bytes {size}-") and found == expected
        if resume and response.status_code in (206, 416) and not rest:
            part.write_bytes(b"")  # it is no beginning of what the server has now
            _fetch(url, part, tag)
        else:
            response.raise_for_status()
            with part.open("ab" if response.status_code == 206 else "wb") as file:
                tag.write_text(found)  # after the file is emptied, lest it vouch for another file's bytes
                for piece in response.iter_content(2**16):
                    file.write(piece)


def _verify(url: str, archive: Path, lock_file: Path, pinned: str | None) -> None:
    found = sha256(archive)
    if pinned is None and not lock_file.exists():
        if not zipfile.is_zipfile(archive):
            archive.unlink()
            raise DataError(f"{url}: expected a zip archive, found something else (an error page?); it was removed")
        lock = Lock(url=url, sha256=found, bytes=archive.stat().st_size, downloaded=date.today())
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        write_json(lock_file, lock.model_dump(mode="json"))
    expected = pinned or parse(lock_file, read_json(lock_file), Lock).sha256
    if found != expected.lower():
        archive.unlink()
        raise DataError(
            f"{url}: its sha256 is {found}, expected {expected} ({'as configured' if pinned else lock_file}); the file "
            "was removed, nothing was taken out of it: run again, or change the digest if the new file is to be trusted"
        )


def extract(archive: str | Path, member: str, target_folder: str | Path) -> Path:
    """Unpack the one file named `member` of an archive, in whatever folder it is there, into `target_folder`.

    DataError when there is none or several, or it is unsafe: absolute, with `..`, a link, above MAX_BYTES or MAX_RATIO.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            matches = [info for info in packed.infolist() if PurePosixPath(info.filename).name == member]
            if len(matches) != 1:
                raise DataError(f"{archive}: expected one {member}, found {packed.namelist()[:30]}")
            path = PurePosixPath((info := matches[0]).filename)
            if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(info.external_attr >> 16):
                raise DataError(f"{archive}: refused {path}, expected a plain file inside the archive's own folder")
            limit = min(MAX_BYTES, MAX_RATIO * info.compress_size) if info.compress_type in METHODS else 0
            if info.file_size > limit:
                raise DataError(f"{archive}: refused {path}, {info.file_size} bytes unpacked, expected {limit} at most")
            with packed.open(info) as file:
                content = file.read(info.file_size)  # bounded, unlike read(): the size in the header may be a lie
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise DataError(f"{archive}: {member} cannot be unpacked ({error}); remove the archive and run again") from None
    Path(target_folder).mkdir(parents=True, exist_ok=True)
    unfinished = Path(target_folder) / f"{member}.part"
    unfinished.write_bytes(content)
    return unfinished.replace(unfinished.with_suffix(""))
