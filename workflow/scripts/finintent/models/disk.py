"""The disk space that a study's models need, computed before anything is downloaded."""

import os
import shutil
from pathlib import Path
from typing import Any

from finintent.models.folder import GB, is_downloaded, local_files

FOLDERS = ("downloads", "models", "merged", "encoders")  # below results/
# Weights of 4 to 5 bits and more become 32 or 16; the file's parts lie beside it until they are joined.
GGUF_GROWTH = {"float32": 6, "bfloat16": 3}
GGUF_PARTS = 2


def unwritable(results: Path) -> str | None:
    """Return a sentence where the folder of results cannot be written to, else None."""
    folder = results if results.exists() else results.parent
    if os.access(folder, os.W_OK | os.X_OK):
        return None
    return (
        f"{results}/: nothing can be written there, as {folder.resolve()} is read-only or another user's; change "
        f"that, or make {results} a link to a folder of yours"
    )


def disk_need(sources: dict[str, dict[str, Any]], runs: dict[str, int], keep_merged: bool, results: Path) -> str | None:
    """Return a sentence on the most disk space that a study needs below `results`, the part in use, and the free space.

    Adapters, checkpoints and answers are not counted: they are small compared with a model.

    Args:
        sources: `source` of each of the study's models, by the model's name.
        runs: number of tuned models of each base model, by its name.
        keep_merged: whether tuned models are kept after their evaluation.
        results: the folder.

    Returns:
        The sentence, None when no size is known.
    """
    downloads = converted = 0.0
    merged = []
    for name, source in sources.items():
        size = gigabytes(source)
        downloads += download_gigabytes(source)
        if source["type"] == "gguf":
            size *= GGUF_GROWTH[source.get("dtype", "float32")]
        converted += size if is_converted(source) else 0
        merged.append(size * runs[name] if keep_merged else size)
    if not any(merged):
        return None
    parts = {"downloads": downloads, "converted copies": converted}
    parts["merged models" if keep_merged else "one merged model"] = sum(merged) if keep_merged else max(merged)
    used = sum(_used(results, name) for name in sources) / GB
    free = shutil.disk_usage(results if results.is_dir() else ".").free / GB
    missing = max(sum(parts.values()) - used, 0)
    sentence = (
        f"Disk: up to {sum(parts.values()):.1f} GB below {results}/ "
        f"({', '.join(f'{name} {size:.1f}' for name, size in parts.items() if size)}), of which {used:.1f} are used; "
        f"{free:.1f} GB are free"
    )
    if missing > free:
        sentence += f": {missing - free:.1f} too few. Free some, or make {results}/ a link to a larger disk"
    return sentence


def download_gigabytes(source: dict[str, Any]) -> float:
    """Return the most disk space that the files of a download take, in GB."""
    return gigabytes(source) * (GGUF_PARTS if "wheels" in source else 1) if is_downloaded(source) else 0


def is_converted(source: dict[str, Any]) -> bool:
    """Return whether preparing a model writes its weights again."""
    return source["type"] == "gguf" or "convert" in source


def gigabytes(source: dict[str, Any]) -> float:
    """Return the size of a source's files in GB, 0 where it is not known."""
    if source["type"] == "local":
        return sum(file.stat().st_size for file in local_files(Path(source["path"]))) / GB
    return source.get("size_gb", 0)


def _used(results: Path, name: str) -> int:
    """Return the bytes of a model's files; links do not count."""
    return sum(
        os.lstat(path).st_size
        for folder in FOLDERS
        for path in (results / folder / name).rglob("*")
        if path.is_file() and not path.is_symlink()
    )
