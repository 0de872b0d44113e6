"""The wording that puts a question to a model."""

import re
import string
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from finintent.files import read_yaml
from finintent.task.taxonomy import LETTERS


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
        letters = self._enumerate(options)
        lines = "\n".join(self.option.format(letter=letter, name=name) for letter, name in options.items())
        return self.template.format(question=question, options=lines, letters=letters)

    def read(self, text: str) -> tuple[str, dict[str, str]] | None:
        """Return the question and the options of a user turn that `render` made, or None when it has another wording.

        Letters are expected from A on and option texts on one line each; white space around the text is passed over.
        """
        for count in range(1, len(LETTERS) + 1):
            letters = LETTERS[:count]
            if match := re.fullmatch(self._pattern(letters), text.strip()):
                return match["question"], {letter: match[letter] for letter in letters}
        return None

    def _enumerate(self, letters: Iterable[str]) -> str:
        *first, last = letters
        return self.letter_separator.join(first) + self.last_letter_separator + last

    def _pattern(self, letters: str) -> str:
        lines = "\n".join(
            _filled_pattern(self.option, {"letter": repeat(letter), "name": _group(letter, ".+")}) for letter in letters
        )
        fields = {
            "question": _group("question", "(?s:.*)"),
            "options": _group("options", lines),
            "letters": repeat(re.escape(self._enumerate(letters))),
        }
        return _filled_pattern(self.template.strip(), fields)


def _filled_pattern(template: str, fields: dict[str, Iterator[str]]) -> str:
    """Return the regular expression of a template, with the next pattern of a field wherever it occurs."""
    parts = string.Formatter().parse(template)
    return "".join(re.escape(literal) + (next(fields[name]) if name else "") for literal, name, _, _ in parts)


def _group(name: str, pattern: str) -> Iterator[str]:
    """Yield a named group, and then, for every repetition, a reference to it."""
    return chain([f"(?P<{name}>{pattern})"], repeat(f"(?P={name})"))


def read_instruction(path: str | Path) -> Instruction:
    """Read a prompts/instruction.yaml."""
    return read_yaml(path, Instruction)
