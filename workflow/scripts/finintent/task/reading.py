"""Reading a user turn back: the inverse of `Instruction.render`, for rows that come from elsewhere."""

import re
import string
from collections.abc import Iterator
from itertools import chain, repeat
from typing import NamedTuple

from finintent.config.answer_form import Answer
from finintent.task.taxonomy import LETTERS, option_markers
from finintent.task.wording import Instruction


class Turn(NamedTuple):
    """A user turn: the question, the text of each option by its letter or number, and the form of answer asked for."""

    question: str
    options: dict[str, str]
    answer: Answer


def read_turn(instruction: Instruction, text: str) -> Turn | None:
    """Return what `render` made a user turn of, or None when the turn has another wording.

    Option texts are expected on one line each; white space around the text is ignored. Where both forms ask in the
    same way, the turn is read as one that asks for a letter.
    """
    text = text.strip()
    for answer in ("letter", "label"):
        if answer in (instruction.request or {"letter"}):
            most = len(LETTERS) if answer == "letter" else max(len(LETTERS), text.count("\n"))
            for count in range(1, most + 1):
                markers = option_markers(count)
                if match := re.fullmatch(_pattern(instruction, markers, answer), text):
                    options = {marker: match[_name(marker)] for marker in markers}
                    return Turn(match["question"], options, answer)
    return None


def _pattern(instruction: Instruction, markers: list[str], answer: Answer) -> str:
    lines = "\n".join(
        _filled_pattern(instruction.option, {"letter": repeat(marker), "name": _group(_name(marker), ".+")})
        for marker in markers
    )
    letters = repeat(re.escape(instruction.list_letters(markers)))
    fields = {
        "question": _group("question", "(?s:.*)"),
        "options": _group("options", lines),
        "letters": letters,
        "request": repeat(_filled_pattern(instruction.request_of(answer), {"letters": letters})),
    }
    return _filled_pattern(instruction.template.strip(), fields)


def _name(marker: str) -> str:
    return f"option_{marker}"


def _filled_pattern(template: str, fields: dict[str, Iterator[str]]) -> str:
    """Return the regular expression of a template, with the next pattern of a field wherever it occurs."""
    parts = string.Formatter().parse(template)
    return "".join(re.escape(literal) + (next(fields[name]) if name else "") for literal, name, _, _ in parts)


def _group(name: str, pattern: str) -> Iterator[str]:
    """Yield a named group, and then, for every repetition, a reference to it."""
    return chain([f"(?P<{name}>{pattern})"], repeat(f"(?P={name})"))
