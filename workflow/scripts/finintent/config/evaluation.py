"""The block `evaluation` of a data set: the questions that models are compared on."""

from typing import Literal

from pydantic import Field, model_validator

from finintent.config.answers import AnswerPlan
from finintent.config.block import Block, PricedModel, mistake
from finintent.config.fetching import Fetching

NEEDED = {"local": "path", "openfindata": "task"}  # the key that each source cannot do without


class ClaudeAnswers(Fetching, AnswerPlan):
    """Claude answers the questions too, through Anthropic's API and without examples."""

    model: PricedModel


class Evaluation(Block):
    """The questions that models are compared on."""

    source: Literal["local", "openfindata"] = Field(
        "local",
        description="local: the file `path`; openfindata: its release is downloaded (academic use, never for training)",
    )
    path: str | None = Field(None, description="multiple-choice file in OpenFinData's format, for the source local")
    task: str | None = Field(
        None,
        pattern=r"^[a-z_]+$",
        description="name of the file in OpenFinData's release, for the source openfindata",
    )
    marker: str = Field("", description="text in `question` after which the user's own text begins")
    claude: ClaudeAnswers | None = None

    @model_validator(mode="after")
    def _source_has_its_key(self) -> "Evaluation":
        key = NEEDED[self.source]
        if getattr(self, key) is None:
            raise mistake("", f"lacks the key {key!r}, which its source {self.source!r} needs; add it")
        return self
