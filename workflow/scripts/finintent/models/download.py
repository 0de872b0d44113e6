"""Checkpoints of model hubs: downloaded once, resumed after a failure, and verified by the hub's own digests."""

import logging
import shutil
from datetime import date
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, get_token, snapshot_download
from huggingface_hub.utils import filter_repo_objects
from modelscope_hub import HubApi, errors
from pydantic import BaseModel

from finintent.errors import DiskSpaceError, HubError
from finintent.files import parse, read_json, write_json
from finintent.hub_errors import hub_errors
from finintent.models.folder import local_files

logger = logging.getLogger(__name__)

FILES = [
    "config.json", "generation_config.json", "model*.safetensors", "model.safetensors.index.json",
    "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
    "chat_template*",
]  # fmt: skip
NEVER = ["*.py", "*/*"]  # no code, as it is not to be run; no other formats, which are in subfolders
WEIGHTS = (".safetensors", ".bin")
GB = 10**9

Files = dict[str, dict[str, Any]]


class Lock(BaseModel):
    """The commit of a repository that was downloaded on first use, and is trusted since then."""

    repo_id: str
    revision: str
    downloaded: date


def download_checkpoint(source: dict[str, Any], folder: Path, locks: Path) -> dict[str, Any]:
    """Download a model's files; files that are there already are not downloaded again.

    Args:
        source: `source` of a model of type huggingface or modelscope. Without a revision, the newest commit is used.
        folder: where the files go.
        locks: folder of the lock files, which record the newest commit for later runs.

    Returns:
        repository, revision (commit), and files: bytes and digest by name.

    Raises:
        HubError: the hub does not give the files, or they arrive damaged.
        DiskSpaceError: the disk is too small; nothing was downloaded.
    """
    return (_from_modelscope if source["type"] == "modelscope" else _from_huggingface)(source, folder, locks)


def _from_huggingface(source: dict[str, Any], folder: Path, locks: Path) -> dict[str, Any]:
    repo_id, lock = source["repo_id"], locks / f"{source['repo_id'].replace('/', '--')}.lock.json"
    revision = source.get("revision") or (parse(lock, read_json(lock), Lock).revision if lock.exists() else None)
    subject = f"{repo_id}@{revision or 'main'}"
    if source.get("gated") and not get_token():
        raise HubError(
            f"{repo_id}: gated, and HF_TOKEN is not set; accept its licence on {constants.ENDPOINT}/{repo_id}, then "
            "set HF_TOKEN to a token of that account"
        )
    api = HfApi()
    with hub_errors(subject):
        if source.get("gated"):
            api.auth_check(repo_id)
        info = api.model_info(repo_id, revision=revision, files_metadata=True)
        listed = {
            file.rfilename: {"bytes": file.size} | ({"sha256": file.lfs.sha256} if file.lfs else {"git": file.blob_id})
            for file in info.siblings
        }
        files = _choose(subject, listed, source)
        _prepare_folder(subject, files, folder, source)
        # One file at a time: if the process ends, only a part of one file is lost.
        snapshot_download(repo_id, revision=info.sha, local_dir=folder, allow_patterns=list(files), max_workers=1)
        found = api.verify_repo_checksums(repo_id, revision=info.sha, local_dir=folder).mismatches
    if damaged := [mismatch["path"] for mismatch in found if mismatch["path"] in files]:
        for name in damaged:
            (folder / name).unlink()
        raise HubError(
            f"{subject}: {', '.join(damaged)} arrived damaged, with another digest than the Hub's, and was removed; "
            "run again to download it again"
        )
    if revision is None:
        locks.mkdir(parents=True, exist_ok=True)
        write_json(lock, Lock(repo_id=repo_id, revision=info.sha, downloaded=date.today()).model_dump(mode="json"))
        logger.info(
            "%s: pinned to the commit %s in %s; commit that file, or copy it into the config", repo_id, info.sha, lock
        )
    return {"repository": repo_id, "revision": info.sha, "files": files}


def _from_modelscope(source: dict[str, Any], folder: Path, locks: Path) -> dict[str, Any]:
    model_id, revision = source["model_id"], source["revision"]
    subject = f"{model_id}@{revision}"
    api = HubApi()
    try:
        entries = api.list_repo_files(model_id, "model", revision=revision)
        listed = {entry.path: {"bytes": entry.size, "sha256": entry.sha256} for entry in entries if entry.sha256}
        files = _choose(subject, listed, source)
        _prepare_folder(subject, files, folder, source)
        # It checks the size and digest of each file, and resumes an unfinished one.
        api.download_repo(
            model_id,
            "model",
            revision=revision,
            local_dir=folder,
            cache_dir=folder / ".cache",
            file_list=[{"Path": name, "Size": f["bytes"], "Sha256": f["sha256"]} for name, f in files.items()],
        )
    except errors.HubError as error:
        raise HubError(f"{subject}: {_modelscope_advice(error)}") from None
    return {"repository": model_id, "revision": revision, "files": files}


def _modelscope_advice(error: errors.HubError) -> str:
    if isinstance(error, errors.FileDownloadError):
        name, cause = next(iter(error.failed_files.items()))
        if isinstance(cause, errors.FileIntegrityError):
            return f"{name} arrived damaged, with another size or digest than ModelScope's; run again to download it"
        return f"{name}: {_modelscope_advice(cause) if isinstance(cause, errors.HubError) else type(cause).__name__}"
    if isinstance(error, errors.NotExistError):
        return "no such model or revision; check model_id and revision"
    if isinstance(error, errors.AuthenticationError | errors.PermissionDeniedError):
        return "refused; accept the model's terms on its page, and set MODELSCOPE_API_TOKEN to a token of that account"
    if isinstance(error, errors.NetworkError):
        return f"ModelScope cannot be reached ({type(error).__name__}); check the network, then run again to resume"
    return f"ModelScope answered with an error ({type(error).__name__}); run again later to resume"


def _choose(subject: str, listed: Files, source: dict[str, Any]) -> Files:
    """Return the files that match the source's patterns.

    Raises:
        HubError: they are not a checkpoint.
    """
    patterns = source.get("files") or FILES
    names = sorted(filter_repo_objects(listed, allow_patterns=patterns, ignore_patterns=NEVER))
    lacks = [
        what
        for what, there in {
            "config.json": "config.json" in names,
            f"weights ({' or '.join(WEIGHTS)})": any(name.endswith(WEIGHTS) for name in names),
        }.items()
        if not there
    ]
    if lacks:
        raise HubError(
            f"{subject}: no {' and no '.join(lacks)} among the files that match {patterns}, expected a checkpoint; "
            f"correct source.files: the repository has {', '.join(sorted(listed)[:20])}"
        )
    return {name: listed[name] for name in names}


def _prepare_folder(subject: str, files: Files, folder: Path, source: dict[str, Any]) -> None:
    """Make the folder, and check that its disk has room for the missing files and for a converted copy.

    Raises:
        DiskSpaceError: it has not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in local_files(folder):
        if path.name not in files:
            path.unlink()  # of another revision or selection: a converter would use it as one of this revision
    total = sum(file["bytes"] for file in files.values())
    # ModelScope's client keeps the part of an unfinished file there; counting the whole file again is safe.
    missing = sum(file["bytes"] for name, file in files.items() if not _is_there(folder / name, file["bytes"]))
    needed, free = missing + (total if source.get("convert") else 0), shutil.disk_usage(folder).free
    if needed > free:
        raise DiskSpaceError(
            f"{folder}: {subject} needs {needed / GB:.1f} GB"
            f"{' with its converted copy' if source.get('convert') else ''}, {free / GB:.1f} GB are free; free some, "
            "or make results/ a link to a larger disk"
        )
    logger.info("%s: %.1f of %.1f GB to download into %s", subject, missing / GB, total / GB, folder)


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
