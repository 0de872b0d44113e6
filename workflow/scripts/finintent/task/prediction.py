"""A prediction: one model's answer to one question. The analysis reads nothing else."""

import math
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from finintent.config.answer_form import Answer
from finintent.errors import DataError
from finintent.files import numbered_jsonl, one_line, parse, read_text, write_jsonl

_MARKER = re.compile("[A-Z]|[1-9][0-9]*")
ROUNDING = 1e-6  # of a logarithm that should be 0
TOLERANCE = 0.05  # of a sum of probabilities, whose logarithms may have few digits


def _check_log_probabilities(values: dict[str, float]) -> dict[str, float]:
    """Check that values can be logarithms of probabilities of labels that exclude each other.

    Raises:
        ValueError: one is not a number or above 0, or the probabilities sum to more than 1.
    """
    for code, value in values.items():
        if not -math.inf < value <= ROUNDING:
            raise ValueError(
                f"{code} has {value}, expected the natural logarithm of a probability: a finite number of 0 or less"
            )
    total = sum(map(math.exp, values.values()))
    if total > 1 + TOLERANCE:
        raise ValueError(
            f"the probabilities sum to {total:.3g}, expected 1 or less: are these scores or probabilities?"
        )
    return values


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Identity = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
LogProbabilities = Annotated[dict[str, float], AfterValidator(_check_log_probabilities)]


class Order(BaseModel):
    """Another order of a question's options.

    Attributes:
        options: label code by the letter that was shown for it.
        log_probabilities: natural logarithm of each label's probability, by code.
    """

    model_config = ConfigDict(frozen=True)
    options: dict[str, str]
    log_probabilities: LogProbabilities


class Prediction(BaseModel):
    """One line of a file of predictions.

    Attributes:
        id: id of the question.
        question: its text.
        gold: code of the right label.
        hard: whether the question was marked as hard.
        options: label code by the letter that was shown for it.
        log_probabilities: natural logarithm of each label's probability, by code; None where a model gives none.
        answer: what the model was asked for: the letter of an option, or the option's text (label).
        text: the raw greedy answer; None where no text was asked for.
        permutations: the same question with its options in other orders.
        prompt_tokens: length of the prompt; None where it is not known.
    """

    model_config = ConfigDict(frozen=True)
    id: Identity
    question: str = ""
    gold: str
    hard: bool = False
    options: dict[str, str] = Field(min_length=2)
    log_probabilities: LogProbabilities | None
    text: str | None
    answer: Answer = "letter"
    permutations: tuple[Order, ...] = ()
    prompt_tokens: int | None = None

    @classmethod
    def of(
        cls,
        question: dict[str, Any],
        *,
        log_probabilities: dict[str, float] | None,
        text: str | None,
        answer: Answer = "letter",
        permutations: Iterable[dict[str, Any]] = (),
        prompt_tokens: int | None = None,
    ) -> "Prediction":
        """Return the prediction of a question (id, question, gold, hard, options)."""
        asked = {key: question[key] for key in ("id", "question", "gold", "hard", "options")}
        return cls(
            **asked,
            log_probabilities=log_probabilities,
            text=text,
            answer=answer,
            permutations=tuple(permutations),
            prompt_tokens=prompt_tokens,
        )

    @property
    def orders(self) -> list[dict[str, float]]:
        """The log-probabilities by label code under each order of the options, the question's own first.

        Raises:
            DataError: the model gave no probabilities.
        """
        if self.log_probabilities is None:
            raise DataError(f"question {self.id!r}: no log_probabilities, expected one of each label")
        return [self.log_probabilities, *(order.log_probabilities for order in self.permutations)]


def write_predictions(path: str | Path, predictions: Iterable[Prediction]) -> None:
    """Write one prediction a line; permutations and prompt_tokens are left out where there are none, as is `letter`."""
    write_jsonl(path, (_row(prediction) for prediction in predictions))


def _row(prediction: Prediction) -> dict[str, Any]:
    optional = {name for name in ("permutations", "prompt_tokens") if not getattr(prediction, name)}
    if prediction.answer == "letter":
        optional.add("answer")
    return prediction.model_dump(mode="json", exclude=optional)


def read_predictions(path: str | Path, codes: Collection[str]) -> list[Prediction]:
    """Read a file of predictions, in its order.

    Args:
        path: one JSON object a line, as `write_predictions` writes them; other keys are ignored.
        codes: the codes of the task's labels.

    Raises:
        DataError: a line is not a prediction, has other labels than `codes` or repeats an id, only some rows have
            probabilities or a text, or the file is empty.
    """
    rows: dict[str, Prediction] = {}
    given: dict[tuple[str, bool], str] = {}  # the first row that has, or lacks, what a scorer reads
    for where, value in numbered_jsonl(path, read_text(path)):
        row = parse(where, value, Prediction)
        _check_labels(where, row, codes)
        if row.id in rows:
            raise DataError(f"{where}: id {row.id!r} occurs twice; expected one row a question")
        rows[row.id] = row
        for key in ("log_probabilities", "text"):
            has = getattr(row, key) is not None
            first = given.setdefault((key, has), where)
            if (key, not has) in given and first == where:
                raise DataError(
                    f"{where}: {key} is {'given' if has else 'null'}, but not so in {given[key, not has]}; one scorer "
                    "reads all rows of a file: give it in every row, or in none"
                )
    if not rows:
        raise DataError(f"{path}: no predictions, expected one a line")
    return list(rows.values())


def _check_labels(where: str, row: Prediction, codes: Collection[str]) -> None:
    expected = ", ".join(codes)
    for order in (row, *row.permutations):
        _check_order(where, order, codes)
    if row.log_probabilities is None and row.text is None:
        raise DataError(f"{where}: neither log_probabilities nor text, expected at least one of them")
    if row.gold not in codes:
        raise DataError(f"{where}: gold is {row.gold!r}, expected one of {expected}")


def _check_order(where: str, order: Prediction | Order, codes: Collection[str]) -> None:
    options, scores = order.options, order.log_probabilities
    expected = ", ".join(codes)
    if {*options.values()} != {*codes} or len(options) != len(codes):
        raise DataError(f"{where}: options is {one_line(options)}, expected each of the labels {expected} once")
    if scores is not None and {*scores} != {*codes}:
        raise DataError(f"{where}: log_probabilities is {one_line(scores)}, expected each of the labels {expected}")
    if unknown := [marker for marker in options if not _MARKER.fullmatch(marker)]:
        raise DataError(
            f"{where}: options has the key {one_line(repr(unknown[0]))}, expected a capital letter, or a number where "
            "there are more than 26 options"
        )
