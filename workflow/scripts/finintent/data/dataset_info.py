"""LlamaFactory's description of a data set."""

from typing import Any

from finintent.data.alpaca import SPLITS


def dataset_info() -> dict[str, Any]:
    """Return LlamaFactory's `dataset_info.json` for the files of the two splits beside it."""
    columns = {"prompt": "instruction", "query": "input", "response": "output"}
    return {split: {"file_name": f"{split}.json", "formatting": "alpaca", "columns": columns} for split in SPLITS}
