"""The block `scoring`: how a model answers the evaluation questions."""

from pydantic import Field

from finintent.config.answer_form import Answer
from finintent.config.block import Block


class Scoring(Block):
    """How a model answers the evaluation questions."""

    answer: Answer = Field(
        "letter",
        description="what models are asked for that are not tuned (base, few-shot): the letter of an option, as the "
        "benchmark asks, or the option's text (label)",
    )
    batch_size: int = Field(16, ge=1, description="questions per forward pass")
    max_new_tokens: int = Field(8, ge=1, description="longest greedy answer in tokens")
    permutations: int = Field(
        5,
        ge=1,
        description="orders of its options that a question is asked in, its own included; with examples, its own alone",
    )
    few_shot: int = Field(1, ge=0, description="examples of each label in a few-shot prompt; 0 leaves that prompt out")
