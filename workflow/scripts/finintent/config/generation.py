"""The block `generation` of a data set: where candidates come from."""

from typing import Literal

from pydantic import Field, model_validator

from finintent.config.block import Block, Commit, Repository, mistake
from finintent.config.fetching import Fetching
from finintent.config.plan import Plan


class Recorded(Block):
    """Answers of a generator that were recorded before."""

    responses: str = Field(description="file of the answers, one a line")
    dataset: str | None = Field(
        None, description="the data set that the answers name; without it, the id of this data set"
    )


class Anthropic(Fetching, Plan):
    """Claude writes the candidates, through Anthropic's API."""


class HubDataset(Block):
    """An existing Alpaca or ShareGPT set of the Hugging Face Hub, in the wording of prompts/instruction.yaml."""

    repo_id: Repository = Field(description="owner/name of the data set")
    revision: Commit = Field(description="its commit")


class OwnRows(Block):
    """Rows of your own: a table of queries and labels (CSV, JSON, XLSX and more), or an Alpaca or ShareGPT file."""

    path: str = Field(description="the file")
    query_column: str = Field("query", min_length=1, description="name of the column of queries")
    label_column: str = Field(
        "label", min_length=1, description="name of the column of labels: a label's code or its option's text"
    )
    persona_column: str = Field(
        "persona", min_length=1, description="name of the column of personas, which may be absent"
    )

    @model_validator(mode="after")
    def _columns_differ(self) -> "OwnRows":
        if self.query_column == self.label_column:
            raise mistake("label_column", f"is {self.label_column!r}, as is query_column; name two columns")
        return self


class Generation(Block):
    """Where candidates come from."""

    backend: Literal["recorded", "anthropic", "huggingface", "file"] = Field(
        description="which of the blocks beside it is used"
    )
    recorded: Recorded | None = None
    anthropic: Anthropic | None = None
    huggingface: HubDataset | None = None
    file: OwnRows | None = None

    @model_validator(mode="after")
    def _backend_has_its_block(self) -> "Generation":
        if getattr(self, self.backend) is None:
            raise mistake(
                "backend",
                f"is {self.backend!r}, but there is no block of that name beside it; add it, or choose another backend",
            )
        return self
