"""LlamaFactory's Alpaca format."""

import random
from typing import Any

from finintent.task.taxonomy import Answer, Taxonomy, option_markers
from finintent.task.wording import Instruction

SPLITS = ("train", "validation")


def alpaca_row(
    row: dict[str, Any],
    taxonomy: Taxonomy,
    instruction: Instruction,
    shuffle: int | None = None,
    answer: Answer = "letter",
) -> dict[str, str]:
    """Return a curated row as an Alpaca row: the prompt in `instruction`, the option's letter or text in `output`.

    The options stand in the taxonomy's order, or with a seed in `shuffle` in an order of the row's own.
    """
    codes = list(taxonomy.codes)
    if shuffle is not None:
        random.Random(f"{shuffle} {row['query']}").shuffle(codes)
    markers = dict(zip(codes, option_markers(len(codes)), strict=True))
    options = {marker: taxonomy.names[code] for code, marker in markers.items()}
    return {
        "instruction": instruction.render(row["query"], options, answer),
        "input": "",
        "output": markers[row["label"]] if answer == "letter" else taxonomy.names[row["label"]],
    }
