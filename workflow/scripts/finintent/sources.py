"""Where base models come from."""

from pathlib import Path

HUBS = ("huggingface", "modelscope")  # types of source that `download_model` serves
OWN_FILE = "source.json"  # what `prepare_model` writes beside the model's files


def local_files(folder: Path) -> list[Path]:
    """Return the files of a model folder, without hidden ones and without this workflow's own record."""
    files = (path for path in folder.iterdir() if path.is_file())
    return sorted(path for path in files if not path.name.startswith(".") and path.name != OWN_FILE)


def download_folder(record: str | Path) -> Path:
    """Return the folder of the files that the record of a download lists."""
    return Path(record).with_suffix("")
