"""Scoring of files of raw outputs from any source, as the workflow scores its own."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from finintent.analysis.extraction import HALF_WIDTH, TEXT_SCORERS, answer_text, greedy_label
from finintent.analysis.statistics import wilson
from finintent.config.answer_form import Answer
from finintent.errors import ConfigError, DataError
from finintent.files import one_line
from finintent.row_files import FileRow, columns_of, find_column, read_rows
from finintent.task.taxonomy import LETTERS
from finintent.task.text import normalise

TEXT_COLUMNS = ("text", "output", "prediction", "response", "predict", "generated_text")
GOLD_COLUMNS = ("gold", "answer", "label", "labels", "reference", "ground_truth")
SCORERS: dict[Answer, dict[str, Callable]] = {"letter": TEXT_SCORERS, "label": {"greedy": greedy_label}}
logger = logging.getLogger(__name__)


class Output(NamedTuple):
    """A raw output, its gold letter, and the text of each option by letter (None if it is not given)."""

    text: str
    gold: str
    options: dict[str, str] | None = None


def score(outputs: list[Output], scorer: str, letters: list[str], answer: Answer = "letter") -> dict[str, Any]:
    """Count right answers under one scorer.

    Args:
        outputs: at least one.
        scorer: a name of SCORERS[answer].
        letters: the option letters.
        answer: what the outputs name: the letter of an option, or its text.

    Returns:
        questions, correct, accuracy (0-1) and parsed, the share of answers that name one of `letters`.

    Raises:
        ConfigError: there is no such scorer.
        DataError: there are no outputs.
    """
    if scorer not in SCORERS[answer]:
        raise ConfigError(
            f"scorer {scorer!r} is unknown for answers by {answer}; choose one of {', '.join(SCORERS[answer])}"
        )
    if not outputs:
        raise DataError("no answers to score")
    answers = [SCORERS[answer][scorer](output.text, letters, output.options) for output in outputs]
    correct = sum(found == output.gold for found, output in zip(answers, outputs, strict=True))
    parsed = sum(found in letters for found in answers)
    return {
        "questions": len(outputs),
        "correct": correct,
        "accuracy": correct / len(outputs),
        "parsed": parsed / len(outputs),
    }


def score_file(
    path: str | Path,
    scorer: str | None = None,
    *,
    text: str | None = None,
    gold: str | None = None,
    letters: list[str] | None = None,
    questions: str | Path | None = None,
    answer: str = "letter",
) -> pd.DataFrame:
    """Score a file of raw outputs; one row a scorer.

    Args:
        path: the file, in any format of `read_rows`. Columns A, B, … hold the texts of the options, if it has them.
        scorer: one scorer's name; all of them when None.
        text: name of the column of outputs, by default the first of TEXT_COLUMNS that exists.
        gold: name of the column of gold answers, by default the first of GOLD_COLUMNS that exists. A value begins with
            its letter ("A", "A. …").
        letters: the option letters, by default those of the options, or all up to the last gold letter.
        questions: a file in OpenFinData's format with the texts of the options, one question an output: found by `id`
            if all outputs and questions have one, else in the same order.
        answer: what the outputs name: the `letter` of an option, or its text (`label`). With `label` a gold answer may
            be an option's text too.

    Returns:
        scorer, the result of `score`, and the 95 % Wilson interval accuracy_low, accuracy_high.

    Raises:
        ConfigError: there is no such scorer, or no such form of answer.
        DataError: the file has another form, the questions are not those of the outputs, or the options' texts, which
            `label` needs, are not given.
    """
    if answer not in SCORERS:
        raise ConfigError(f"answer {answer!r} is unknown; choose one of {', '.join(SCORERS)}")
    rows = read_rows(path)
    texts = _column(path, rows, "raw outputs", (text,) if text else TEXT_COLUMNS, "--text")
    golds = _column(path, rows, "gold answers", (gold,) if gold else GOLD_COLUMNS, "--gold")
    if texts == golds:
        raise DataError(f"{path}: the column {texts!r} is taken for both outputs and gold answers; name two columns")
    _tell_repeated(path, rows)
    options = _options(rows if questions is None else _questions_of(path, rows, questions))
    if answer == "label" and None in options:
        raise DataError(
            f"{rows[options.index(None)].where}: no texts of the options, which answers by label name; give them in "
            "columns A, B, …, or the questions with --questions"
        )
    outputs = [_output(row, texts, golds, shown, answer) for row, shown in zip(rows, options, strict=True)]
    if None in options:
        logger.warning(
            "%s does not hold the texts of the options: greedy cannot parse an answer that joins a letter to the text "
            "of its option; give the questions with --questions",
            path,
        )
    last = max(letter for output in outputs for letter in (output.gold, *(output.options or ())))
    letters = list(LETTERS[: LETTERS.index(last) + 1]) if letters is None else letters
    if unknown := {*letters} - {*LETTERS} or {output.gold for output in outputs} - {*letters}:
        raise DataError(
            f"{path}: {'/'.join(sorted(unknown))} is not an option letter, or not one of {''.join(letters)}; "
            "give all capital letters of the options together, such as ABCDE"
        )
    table = []
    for name in SCORERS[answer] if scorer is None else [scorer]:
        counted = score(outputs, name, letters, answer)
        low, high = wilson(counted["correct"], counted["questions"])
        table.append({"scorer": name, **counted, "accuracy_low": low, "accuracy_high": high})
    return pd.DataFrame(table)


def _column(path: str | Path, rows: list[FileRow], what: str, names: tuple[str, ...], option: str) -> str:
    columns = columns_of(rows)
    found = list(dict.fromkeys(column for name in names if (column := find_column(columns, [name]))))
    if not found:
        raise DataError(
            f"{path}: no column of {what}; found {one_line(', '.join(columns)) or 'none that all rows have'}, expected "
            f"{' or '.join(names)}; give its name with {option}"
        )
    for other in found[1:]:
        if any(row.cells[other] != row.cells[found[0]] for row in rows):
            raise DataError(
                f"{path}: the columns {found[0]!r} and {other!r} can both be {what}; name the right one with {option}"
            )
    return found[0]


def _tell_repeated(path: str | Path, rows: list[FileRow]) -> None:
    """Log a warning if two outputs have one id: each counts, as if they were answers to two questions."""
    seen: set[str] = set()
    for row in rows:
        identity = str(row.cells.get("id", row.where))
        if identity in seen:
            logger.warning("%s: the id %r of an earlier row; both rows count", row.where, identity)
            return
        seen.add(identity)


def _options(rows: list[FileRow]) -> list[dict[str, str] | None]:
    shown = []
    for row in rows:
        found = {letter: row.cells.get(letter, row.cells.get(letter.lower())) for letter in LETTERS}
        options = {letter: name for letter, name in found.items() if isinstance(name, str) and name.strip()}
        texts = [normalise(name) or name for name in options.values()]
        if repeated := [name for name, text in zip(options.values(), texts, strict=True) if texts.count(text) > 1]:
            raise DataError(f"{row.where}: two options have the text {one_line(repr(repeated[0]))}; correct one")
        shown.append(options)
    return [options if len(options) > 1 else None for options in shown]


def _questions_of(path: str | Path, rows: list[FileRow], questions: str | Path) -> list[FileRow]:
    """Return the question of each output."""
    items = read_rows(questions)
    if all("id" in row.cells for row in [*rows, *items]):
        by_id: dict[str, FileRow] = {}
        for item in items:
            if (first := by_id.setdefault(str(item.cells["id"]), item)) is not item:
                raise DataError(f"{item.where}: id {item.cells['id']!r} is that of {first.where} too; correct one")
        if missing := [row.cells["id"] for row in rows if str(row.cells["id"]) not in by_id]:
            raise DataError(f"{path}: id {missing[0]!r} is not in {questions}; give the questions of these outputs")
        return [by_id[str(row.cells["id"])] for row in rows]
    if len(items) != len(rows):
        raise DataError(
            f"{path}: {len(rows)} outputs, but {questions} holds {len(items)} questions and there are no ids to join "
            "them by; give the questions of these outputs, in their order"
        )
    return items


def _output(row: FileRow, text_column: str, gold_column: str, options: dict[str, str] | None, answer: Answer) -> Output:
    text, gold = row.cells.get(text_column), answer_text(str(row.cells.get(gold_column)))
    if not isinstance(text, str | None):
        raise DataError(f"{row.where}: {text_column} is {one_line(repr(text))}, expected the raw output as one string")
    letter = _letter_of_text(gold, options or {}) if answer == "label" else None
    letter = letter or _letter(gold.translate(HALF_WIDTH))
    if not letter:
        expected = "an option letter (A) or an option (A. …)"
        advice = "use `finintent compare` for this workflow's own predictions"
        if answer == "label":
            expected = f"an option letter or the text of one option ({one_line(', '.join((options or {}).values()))})"
            advice = "correct it"
        elif _letter_of_text(gold, options or {}):
            advice = "give --answer label if the outputs name the options' texts"
        raise DataError(f"{row.where}: {gold_column} is {one_line(repr(gold))}, expected {expected}; {advice}")
    if options and letter not in options:
        raise DataError(f"{row.where}: {gold_column} is {letter}, but the options are {', '.join(options)}; correct it")
    return Output(text or "", letter, options)


def _letter(gold: str) -> str | None:
    """Return the letter that a gold answer begins with."""
    found = re.match(r"[\W_]*([A-Z])(?![^\W_])", gold) or re.fullmatch(r"\s*([a-z])\s*", gold)
    return found[1].upper() if found else None


def _letter_of_text(gold: str, options: dict[str, str]) -> str | None:
    """Return the letter of the one option whose text a gold answer is."""
    found = [letter for letter, name in options.items() if normalise(name) and normalise(name) == normalise(gold)]
    return found[0] if len(found) == 1 else None
