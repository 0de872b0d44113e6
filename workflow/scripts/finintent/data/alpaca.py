"""LlamaFactory's Alpaca format."""

import random
from typing import Any

from finintent.config.answer_form import Answer
from finintent.task.taxonomy import Taxonomy
from finintent.task.wording import Instruction

SPLITS = ("train", "validation")


def alpaca_row(
    row: dict[str, Any], taxonomy: Taxonomy, instruction: Instruction, answer: Answer, shuffle: int | None = None
) -> dict[str, str]:
    """Return a curated row as an Alpaca row: the prompt in `instruction`, the option's letter or text in `output`.

    The options stand in the taxonomy's order, or with a seed in `shuffle` in an order of the row's own.
    """
    codes = list(taxonomy.codes)
    if shuffle is not None:
        random.Random(f"{shuffle} {row['query']}").shuffle(codes)
    turn, right = instruction.example(row["query"], row["label"], taxonomy, answer, codes)
    return {"instruction": turn, "input": "", "output": right}
