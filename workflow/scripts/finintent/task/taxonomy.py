"""The task as data: the closed label set, and the wording that puts a question to a model."""

import string
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from finintent.files import read_yaml

LETTERS = string.ascii_uppercase


class Label(BaseModel):
    """One class: `code` is its stable English id, `name` the text of its option."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=1)
    definition: str = Field(min_length=1)


class Taxonomy(BaseModel):
    """A closed label set; the order of the labels is the order of the options in a training row."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int
    language: str
    title: str
    labels: tuple[Label, ...] = Field(min_length=2, max_length=len(LETTERS))

    @model_validator(mode="after")
    def _unique(self) -> "Taxonomy":
        for field in ("code", "name"):
            values = [getattr(label, field) for label in self.labels]
            if len(set(values)) < len(values):
                raise ValueError(f"every label needs a {field} of its own, found {values}")
        return self

    @property
    def codes(self) -> list[str]:
        return [label.code for label in self.labels]

    @property
    def names(self) -> dict[str, str]:
        """Option text by code."""
        return {label.code: label.name for label in self.labels}

    @property
    def options(self) -> dict[str, str]:
        """Code by letter, in the order of a training row."""
        return dict(zip(LETTERS, self.codes, strict=False))


def read_taxonomy(path: str | Path) -> Taxonomy:
    """Read a taxonomy.yaml."""
    return read_yaml(path, Taxonomy)
