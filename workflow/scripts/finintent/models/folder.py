"""The folders of base models: their files, precision and tokenizer settings."""

from pathlib import Path
from typing import Any

from finintent.errors import ModelError
from finintent.files import read_json

HUBS = ("huggingface", "modelscope")  # types of source whose checkpoints are downloaded
GB = 10**9
DTYPES = ("float32", "bfloat16", "float16")
OWN_FILE = "source.json"  # what `prepare_model` writes beside the model's files


def is_downloaded(source: dict[str, Any]) -> bool:
    """Return whether `download_model` fetches a source's files before `prepare_model` reads them."""
    return source["type"] in HUBS or (source["type"] == "gguf" and bool(source.keys() & {"wheels", "repo_id"}))


def local_files(folder: Path) -> list[Path]:
    """Return the files of a model folder, without hidden ones and without this workflow's own record."""
    files = (path for path in folder.iterdir() if path.is_file())
    return sorted(path for path in files if not path.name.startswith(".") and path.name != OWN_FILE)


def adapter_files(folder: Path) -> list[Path]:
    """Return the files of an adapter that lies in a model folder; transformers would load it with the model."""
    return [path for path in local_files(folder) if path.name.startswith(("adapter_config.", "adapter_model."))]


def download_folder(record: str | Path) -> Path:
    """Return the folder of the files that the record of a download lists."""
    return Path(record).with_suffix("")


def downloaded(folder: Path, total: int) -> str:
    """Return how much of `total` bytes is in a folder; the hubs' clients keep an unfinished file in a hidden folder."""
    held = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{min(held, total) / GB:.2f} of {total / GB:.2f} GB downloaded"


def weights_dtype(model: Path) -> str:
    """Return the precision that a model folder's config.json names, such as "bfloat16".

    Raises:
        ModelError: it names none, or one that a merged model cannot have.
    """
    config = read_json(model / "config.json")
    dtype = config.get("dtype") or config.get("torch_dtype")  # the latter up to transformers 4
    if dtype not in DTYPES:
        raise ModelError(
            f"{model}/config.json: dtype (or torch_dtype) is {dtype!r}, expected one of {', '.join(DTYPES)}; write the "
            "precision of the weights there"
        )
    return dtype


def splits_special_tokens(model: Path) -> bool:
    """Return whether a model's tokenizer reads a special token that is spelled in a text as ordinary text.

    LlamaFactory needs it as an argument: its own default overrides the value of tokenizer_config.json.
    """
    return read_json(model / "tokenizer_config.json").get("split_special_tokens", False)
