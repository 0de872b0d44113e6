"""OpenFinData's release archive: downloaded once, verified, and trusted only after its questions were read."""

import json
import stat
import zipfile
import zlib
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pooch
import requests
from filelock import FileLock
from pydantic import BaseModel

from finintent.errors import DataError
from finintent.files import parse, read_json, sha256, write_json

RELEASE = "https://github.com/open-compass/OpenFinData/releases/download/release/openfindata_release.zip"
TERMS = "OpenFinData's authors allow academic use only and ask that no model is ever trained on it."
MAX_BYTES = 100 * 2**20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # for these, zipfile limits how much one read unpacks
MAX_RATIO = 200  # unpacked to packed size: JSON text stays below 50, a zip bomb is near deflate's limit of 1,032
TIMEOUT = (10, 60)  # seconds to connect, and between two parts of the answer


class Lock(BaseModel):
    """The archive that was downloaded and read on first use, and is trusted since then."""

    url: str
    sha256: str
    bytes: int
    downloaded: date


def fetch_member(
    url: str,
    member: str,
    target_folder: str | Path,
    *,
    folder: str | Path,
    lock_file: str | Path,
    sha256: str | None = None,
) -> Path:
    """Take one file out of a release archive, which is downloaded if it is not there yet.

    Args:
        url: of the archive.
        member: name of a JSON file in the archive, in any of its folders.
        target_folder: where the file goes.
        folder: where the archive is kept.
        lock_file: holds the digest that the archive must have; written after the first archive was read.
        sha256: the digest that the archive must have instead of that.

    Returns:
        The file's path.

    Raises:
        DataError: the archive cannot be downloaded, has another digest, or does not hold the file in a form that is
            safe to unpack. An archive with another digest is removed, and so is a first one that cannot be read.
    """
    archive = Path(folder) / PurePosixPath(urlsplit(url).path).name
    archive.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(archive.with_name(archive.name + ".lock")):  # jobs for two tasks of the release may run at once
        if not archive.exists():
            _download(url, archive)
        trusted = _verify(url, archive, Path(lock_file), sha256)
        try:
            content = read_member(archive, member)
        except DataError as error:
            if trusted:
                advice = f"check evaluation.task, or delete {archive} and {lock_file} to download and trust it again"
            else:
                archive.unlink()
                advice = (
                    f"the archive, downloaded from {url}, was removed and is not trusted: run again, or give a local "
                    "copy of the questions as evaluation.path in the config"
                )
            raise DataError(f"{error}; {advice}") from None
        if not trusted:
            _trust(url, archive, Path(lock_file))
    Path(target_folder).mkdir(parents=True, exist_ok=True)
    unfinished = Path(target_folder) / f"{member}.part"
    unfinished.write_bytes(content)
    return unfinished.replace(unfinished.with_suffix(""))


def _download(url: str, archive: Path) -> None:
    # Not by pooch.retrieve: its temporary file has a random name, and would stay when the process is killed.
    part = archive.with_name(archive.name + ".part")
    try:
        pooch.HTTPDownloader(timeout=TIMEOUT, chunk_size=2**16)(url, part, None)
    except requests.RequestException as error:
        part.unlink()
        reason = type(error).__name__ if error.response is None else f"HTTP {error.response.status_code}"
        raise DataError(
            f"{url}: could not be downloaded ({reason}); run again, or give a local copy of the questions as "
            "evaluation.path in the config"
        ) from None
    part.replace(archive)


def _verify(url: str, archive: Path, lock_file: Path, pinned: str | None) -> bool:
    """Return True if an archive has the digest that it must have, False if no digest is known yet.

    Raises:
        DataError: it has another digest; it is removed.
    """
    if pinned is None and not lock_file.exists():
        return False
    expected = pinned or parse(lock_file, read_json(lock_file), Lock).sha256
    if (found := sha256(archive)) != expected.lower():
        archive.unlink()
        raise DataError(
            f"{url}: its sha256 is {found}, expected {expected} ({'as configured' if pinned else lock_file}); the file "
            "was removed, nothing was taken out of it: run again, or change the digest if you trust the new file"
        )
    return True


def _trust(url: str, archive: Path, lock_file: Path) -> None:
    lock = Lock(url=url, sha256=sha256(archive), bytes=archive.stat().st_size, downloaded=date.today())
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    write_json(lock_file, lock.model_dump(mode="json"))


def read_member(archive: str | Path, member: str) -> bytes:
    """Return the content of the only JSON file named `member` in an archive, in any of its folders.

    Raises:
        DataError: there is none or several, it is not JSON, or it is unsafe: its path is absolute or contains `..`, it
            is a link, or it is above MAX_BYTES or MAX_RATIO.
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
                content = file.read(info.file_size)  # limited, unlike read(): the size in the header may be wrong
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError) as error:
        reason = error if zipfile.is_zipfile(archive) else "expected a zip archive, found another file: an error page?"
        raise DataError(f"{archive}: {member} cannot be unpacked ({reason})") from None
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{archive}: {member} is not JSON ({error})") from None
    return content
