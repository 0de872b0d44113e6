"""The wording that puts a question to a model."""

import string
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from finintent.files import read_yaml


class Instruction(BaseModel):
    """The wording of a question: `template` holds {question}, {options} and, if wanted, {letters}."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int
    template: str
    option: str
    letter_separator: str
    last_letter_separator: str

    @model_validator(mode="after")
    def _fields(self) -> "Instruction":
        for text, wanted in ((self.template, {"question", "options"}), (self.option, {"letter", "name"})):
            found = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
            if missing := wanted - found:
                raise ValueError(f"{text!r} lacks {', '.join(f'{{{name}}}' for name in sorted(missing))}")
            if unknown := found - wanted - {"letters"}:
                raise ValueError(f"{text!r} has the unknown field(s) {', '.join(sorted(unknown))}")
        return self

    def render(self, question: str, options: dict[str, str]) -> str:
        """Return the user turn for a question; `options` maps a letter to the text of its option."""
        letters = self.list_letters(options)
        lines = "\n".join(self.option.format(letter=letter, name=name) for letter, name in options.items())
        return self.template.format(question=question, options=lines, letters=letters)

    def list_letters(self, letters: Iterable[str]) -> str:
        """Return the letters as the prompt lists them: "A、B或C"."""
        *first, last = letters
        return self.letter_separator.join(first) + self.last_letter_separator + last


def read_instruction(path: str | Path) -> Instruction:
    """Read a prompts/instruction.yaml."""
    return read_yaml(path, Instruction)
