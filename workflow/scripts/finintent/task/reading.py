"""Reading a user turn back: the inverse of `Instruction.render`, for rows that come from elsewhere."""

import re
import string
from collections.abc import Iterator
from itertools import chain, repeat

from finintent.task.taxonomy import LETTERS
from finintent.task.wording import Instruction


def read_turn(instruction: Instruction, text: str) -> tuple[str, dict[str, str]] | None:
    """Return the question and the options of a user turn that `render` made, or None when it has another wording.

    Letters are expected from A on and option texts on one line each; white space around the text is ignored.
    """
    for count in range(1, len(LETTERS) + 1):
        letters = LETTERS[:count]
        if match := re.fullmatch(_pattern(instruction, letters), text.strip()):
            return match["question"], {letter: match[letter] for letter in letters}
    return None


def _pattern(instruction: Instruction, letters: str) -> str:
    lines = "\n".join(
        _filled_pattern(instruction.option, {"letter": repeat(letter), "name": _group(letter, ".+")})
        for letter in letters
    )
    fields = {
        "question": _group("question", "(?s:.*)"),
        "options": _group("options", lines),
        "letters": repeat(re.escape(instruction.list_letters(letters))),
    }
    return _filled_pattern(instruction.template.strip(), fields)


def _filled_pattern(template: str, fields: dict[str, Iterator[str]]) -> str:
    """Return the regular expression of a template, with the next pattern of a field wherever it occurs."""
    parts = string.Formatter().parse(template)
    return "".join(re.escape(literal) + (next(fields[name]) if name else "") for literal, name, _, _ in parts)


def _group(name: str, pattern: str) -> Iterator[str]:
    """Yield a named group, and then, for every repetition, a reference to it."""
    return chain([f"(?P<{name}>{pattern})"], repeat(f"(?P={name})"))
