"""LlamaFactory's Alpaca format."""

from typing import Any

from finintent.task import Instruction, Taxonomy

SPLITS = ("train", "validation")


def alpaca_row(row: dict[str, Any], taxonomy: Taxonomy, instruction: Instruction) -> dict[str, str]:
    """Return a curated row as an Alpaca row: the whole prompt in `instruction`, the option's letter in `output`."""
    letters = {code: letter for letter, code in taxonomy.options.items()}
    options = {letter: taxonomy.names[code] for letter, code in taxonomy.options.items()}
    return {
        "instruction": instruction.render(row["query"], options),
        "input": "",
        "output": letters[row["label"]],
    }


def dataset_info() -> dict[str, Any]:
    """Return LlamaFactory's `dataset_info.json` for the two splits that stand beside it."""
    columns = {"prompt": "instruction", "query": "input", "response": "output"}
    return {split: {"file_name": f"{split}.json", "formatting": "alpaca", "columns": columns} for split in SPLITS}
