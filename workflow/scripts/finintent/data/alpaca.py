"""LlamaFactory's Alpaca format."""

import random
from typing import Any

from finintent.task.taxonomy import LETTERS, Taxonomy
from finintent.task.wording import Instruction

SPLITS = ("train", "validation")


def alpaca_row(
    row: dict[str, Any], taxonomy: Taxonomy, instruction: Instruction, shuffle: int | None = None
) -> dict[str, str]:
    """Return a curated row as an Alpaca row: the whole prompt in `instruction`, the option's letter in `output`.

    The options stand in the taxonomy's order, or with a seed in `shuffle` in an order of the row's own.
    """
    codes = list(taxonomy.codes)
    if shuffle is not None:
        random.Random(f"{shuffle} {row['query']}").shuffle(codes)
    letters = dict(zip(codes, LETTERS, strict=False))
    options = {letter: taxonomy.names[code] for code, letter in letters.items()}
    return {
        "instruction": instruction.render(row["query"], options),
        "input": "",
        "output": letters[row["label"]],
    }
