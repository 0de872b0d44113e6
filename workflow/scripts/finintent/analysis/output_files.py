"""Files of raw outputs, scored by each way to extract an answer."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from finintent.analysis.extraction import _HALF_WIDTH, TEXT_SCORERS
from finintent.analysis.statistics import wilson
from finintent.errors import ConfigError, DataError
from finintent.files import parse_jsonl, read_json, read_text
from finintent.task.taxonomy import LETTERS

TEXT_COLUMNS = ("text", "output", "prediction", "response", "predict", "generated_text")


GOLD_COLUMNS = ("gold", "answer", "label", "reference", "ground_truth")


def score(rows: list[dict[str, Any]], scorer: str, letters: list[str]) -> dict[str, Any]:
    """Return questions, correct, accuracy (0-1) and parsed, the share of answers that come out as one of `letters`.

    Each row has a `gold` letter and the raw `text`; ConfigError when no scorer has the name, DataError without rows.
    """
    if scorer not in TEXT_SCORERS:
        raise ConfigError(f"scorer {scorer!r} is unknown; choose one of {', '.join(TEXT_SCORERS)}")
    if not rows:
        raise DataError("no answers to score")
    answers = [TEXT_SCORERS[scorer](row["text"], letters) for row in rows]
    correct = sum(answer == row["gold"] for answer, row in zip(answers, rows, strict=True))
    parsed = sum(answer in letters for answer in answers)
    return {"questions": len(rows), "correct": correct, "accuracy": correct / len(rows), "parsed": parsed / len(rows)}


def score_file(
    path: str | Path,
    scorer: str | None = None,
    *,
    text: str | None = None,
    gold: str | None = None,
    letters: list[str] | None = None,
) -> pd.DataFrame:
    """Score a JSON list, JSON lines or CSV of raw outputs; one row a scorer (all of them when `scorer` is None).

    `text` and `gold` name the columns, by default the first there is of TEXT_COLUMNS and GOLD_COLUMNS. A gold value
    begins with its letter ("A", "A. …"); `letters` are by default all up to the last gold letter. The table holds
    scorer, what `score` counts, and the 95 % Wilson interval accuracy_low, accuracy_high. DataError for other files.
    """
    rows = _read(path)
    texts = _column(path, rows, "raw outputs", (text,) if text else TEXT_COLUMNS)
    golds = _column(path, rows, "gold letters", (gold,) if gold else GOLD_COLUMNS)
    answers = [_answer(f"{path}, row {number}", row, texts, golds) for number, row in enumerate(rows, start=1)]
    letters = letters or list(LETTERS[: LETTERS.index(max(answer["gold"] for answer in answers)) + 1])
    if unknown := {*letters} - {*LETTERS} or {answer["gold"] for answer in answers} - {*letters}:
        raise DataError(
            f"{path}: {'/'.join(sorted(unknown))} is no option letter, or none of those given ({''.join(letters)}); "
            "name all capital letters of the options together, such as ABCDE"
        )
    scorers = [scorer] if scorer else TEXT_SCORERS
    rows = []
    for name in scorers:
        counted = score(answers, name, letters)
        low, high = wilson(counted["correct"], counted["questions"])
        rows.append({"scorer": name, **counted, "accuracy_low": low, "accuracy_high": high})
    return pd.DataFrame(rows)


def _read(path: str | Path) -> list[dict[str, Any]]:
    content = read_text(path)
    if Path(path).suffix.lower() == ".csv":
        try:
            rows = pd.read_csv(StringIO(content), dtype=str, keep_default_na=False).to_dict("records")
        except ValueError as error:  # pandas' ParserError and EmptyDataError
            raise DataError(f"{path}: not CSV ({str(error).strip()})") from None
    else:
        rows = read_json(path) if content.lstrip().startswith("[") else parse_jsonl(path, content)
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: expected a non-empty list of objects with a raw output and a gold letter each")
    return rows


def _column(path: str | Path, rows: list[dict[str, Any]], what: str, names: tuple[str, ...]) -> str:
    columns = [key for key in rows[0] if all(key in row for row in rows)]
    if found := [name for name in names if name in columns]:
        return found[0]
    raise DataError(f"{path}: no column of {what}; found {', '.join(columns)}, expected {' or '.join(names)}; name it")


def _answer(where: str, row: dict[str, Any], text_column: str, gold_column: str) -> dict[str, str]:
    text, gold = row.get(text_column), str(row.get(gold_column)).translate(_HALF_WIDTH)
    if not isinstance(text, str | None):
        raise DataError(f"{where}: {text_column} is {text!r}, expected the raw output as one string")
    letter = re.match(r"[\W_]*([A-Z])(?![^\W_])", gold) or re.fullmatch(r"\s*([a-z])\s*", gold)
    if not letter:
        raise DataError(
            f"{where}: {gold_column} is {gold!r}, expected an option letter (A) or an option (A. …); sets of this "
            "workflow's own predictions are for `finintent compare`"
        )
    return {"text": text or "", "gold": letter[1].upper()}
