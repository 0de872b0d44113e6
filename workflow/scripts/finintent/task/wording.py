"""The wording that puts a question to a model."""

import string
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from finintent.config.answer_form import Answer
from finintent.errors import DataError
from finintent.files import read_yaml
from finintent.task.taxonomy import LETTERS, Taxonomy, option_markers


class Instruction(BaseModel):
    """The wording of a question, for both forms of answer.

    `template` holds {question}, {options} and {request}; `request` has what each form puts there: "Answer with
    {letters}." and "Answer with the name of the topic.". A wording without `request` knows answers by letter alone,
    and {letters} stands in its template.

    `option` is the line of an option, of {letter} and {name}. Up to 26 options have letters in both forms, so that the
    prompts differ in the request alone; more options, which only the label form can have, are numbered from 1 on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int
    template: str
    request: dict[Answer, str] = {}
    option: str
    letter_separator: str
    last_letter_separator: str

    @model_validator(mode="after")
    def _fields(self) -> "Instruction":
        if self.request:
            _check_fields(self.template, needed={"question", "options", "request"})
        else:
            _check_fields(self.template, needed={"question", "options"}, allowed={"letters"})
        for answer, text in self.request.items():
            _check_fields(text, allowed={"letters"} if answer == "letter" else set())
        _check_fields(self.option, needed={"letter", "name"})
        return self

    def render(self, question: str, options: dict[str, str], answer: Answer = "letter") -> str:
        """Return the user turn for a question.

        Args:
            question: text of the user.
            options: text of each option by the letter or number that marks it, in the order shown.
            answer: form of answer that the turn asks for.

        Raises:
            DataError: the wording lacks the form, or there are more options than letters to answer with.
        """
        if answer == "letter" and len(options) > len(LETTERS):
            raise DataError(
                f"{len(options)} options, but only {len(LETTERS)} letters to answer with; let models answer with the "
                "option's text (answer: label)"
            )
        lines = "\n".join(self.option.format(letter=letter, name=name) for letter, name in options.items())
        letters = self.list_letters(options)
        request = self.request_of(answer).format(letters=letters)
        return self.template.format(question=question, options=lines, letters=letters, request=request)

    def request_of(self, answer: Answer) -> str:
        """Return what the template puts in the place of {request}, with {letters} where the letters are listed.

        Raises:
            DataError: the wording lacks the form of answer.
        """
        if answer not in self.request and (self.request or answer == "label"):
            raise DataError(
                f"prompts/instruction.yaml has no request.{answer}; write there how the prompt asks for an answer by "
                f"{answer}, and {{request}} where the template is to hold it"
            )
        return self.request.get(answer, "")

    def example(
        self, question: str, label: str, taxonomy: Taxonomy, answer: Answer, order: Sequence[str] = ()
    ) -> tuple[str, str]:
        """Return the user turn for a question whose label is known, and the right answer.

        Args:
            question: text of the user.
            label: code of the label.
            taxonomy: the labels.
            answer: form of answer.
            order: the codes in the order in which their options are shown, by default the taxonomy's.
        """
        codes = order or taxonomy.codes
        markers = dict(zip(codes, option_markers(len(codes)), strict=True))
        options = {marker: taxonomy.names[code] for code, marker in markers.items()}
        right = markers[label] if answer == "letter" else taxonomy.names[label]
        return self.render(question, options, answer), right

    def list_letters(self, letters: Iterable[str]) -> str:
        """Return the letters as the prompt lists them: "A、B或C"."""
        *first, last = letters
        return self.letter_separator.join(first) + self.last_letter_separator + last


def _check_fields(text: str, *, needed: Set[str] = frozenset(), allowed: Set[str] = frozenset()) -> None:
    found = template_fields(text)
    if missing := needed - found:
        raise ValueError(f"{text!r} lacks {', '.join(f'{{{name}}}' for name in sorted(missing))}")
    if unknown := found - needed - allowed:
        raise ValueError(f"{text!r} has the unknown field(s) {', '.join(f'{{{name}}}' for name in sorted(unknown))}")


def template_fields(text: str) -> set[str]:
    """Return the names of a template's fields.

    Raises:
        ValueError: a brace is not closed, or a field is more than a name ("{question:>30}", "{question!r}").
    """
    found = set()
    for _, name, form, conversion in string.Formatter().parse(text):
        if form or conversion:
            raise ValueError(f"{text!r} has more than a name in the field {name!r}; write {{{name}}}")
        if name is not None:
            found.add(name)
    return found


def read_instruction(path: str | Path) -> Instruction:
    """Read a prompts/instruction.yaml."""
    return read_yaml(path, Instruction)
