"""The closed label set of a task, and the forms in which a model can name one of its labels."""

import re
import string
import unicodedata
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from finintent.files import read_yaml

LETTERS = string.ascii_uppercase


class Label(BaseModel):
    """One class.

    Attributes:
        code: its stable English id.
        name: the text of its option.
        definition: what belongs to it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=1)
    definition: str = Field(min_length=1)

    @field_validator("name")
    @classmethod
    def _one_line_of_text(cls, name: str) -> str:
        """Refuse what would not stand as it is in the line of an option."""
        if name != name.strip() or not name.isprintable():
            raise ValueError(
                f"found {name!r}, expected one line of text, without invisible characters or spaces around it"
            )
        return name


class Taxonomy(BaseModel):
    """A closed label set; the order of the labels is the order of the options in a training row."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int
    language: str
    title: str
    labels: tuple[Label, ...] = Field(min_length=2)

    @field_validator("language")
    @classmethod
    def _language_code(cls, language: str) -> str:
        """Refuse what the Hub would not know as a language."""
        if not re.fullmatch("[a-z]{2,3}(-[A-Za-z0-9]+)*", language):
            raise ValueError(f"found {language!r}, expected a language code in small letters, such as en or zh")
        return language

    @model_validator(mode="after")
    def _unique(self) -> "Taxonomy":
        for field in ("code", "name"):
            values = [getattr(label, field) for label in self.labels]
            if len(set(values)) < len(values):
                raise ValueError(f"expected a different {field} for every label, found {values}")
        # As answers and files are read: without case and width.
        texts = [unicodedata.normalize("NFKC", label.name).casefold() for label in self.labels]
        if alike := [label.name for label, text in zip(self.labels, texts, strict=True) if texts.count(text) > 1]:
            raise ValueError(f"expected names that differ by more than case or width, found {', '.join(alike)}")
        return self

    @property
    def codes(self) -> list[str]:
        """The code of each label."""
        return [label.code for label in self.labels]

    @property
    def names(self) -> dict[str, str]:
        """Option text by code."""
        return {label.code: label.name for label in self.labels}

    @property
    def options(self) -> dict[str, str]:
        """Code by option marker, in the order of a training row."""
        return dict(zip(option_markers(len(self.labels)), self.codes, strict=True))


def option_markers(count: int) -> list[str]:
    """Return what stands before each of `count` options: letters, or numbers where there are more than 26."""
    return list(LETTERS[:count]) if count <= len(LETTERS) else [str(number) for number in range(1, count + 1)]


def read_taxonomy(path: str | Path) -> Taxonomy:
    """Read a taxonomy.yaml."""
    return read_yaml(path, Taxonomy)
