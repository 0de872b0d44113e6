"""How raw output text becomes an option letter: one function a scorer, by the name that peers know it by."""

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from finintent.errors import ConfigError, DataError
from finintent.files import parse_jsonl, read_json, read_text
from finintent.statistics import wilson
from finintent.task import LETTERS

TEXT_COLUMNS = ("text", "output", "prediction", "response", "predict", "generated_text")
GOLD_COLUMNS = ("gold", "answer", "label", "reference", "ground_truth")

_HALF_WIDTH = {ord(letter) + 0xFEE0: letter for letter in LETTERS + LETTERS.lower()}
_WORD = "0-9A-Za-zÀ-ɏ"  # what makes a Latin word of the letter beside it: "ETF", "B2", and with a hyphen "A-share"
_GLUED = "股类轮级端"  # what makes a Chinese word of the letter before it: "A股"
_WORD_BEFORE = rf"(?<![{_WORD}])(?<![{_WORD}]['’-])"


def greedy(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return the one option letter that an answer names, or None where it names none or several.

    A letter is named when it ends a run of letters and digits ("B. …", "选项E：", but neither "ETF" nor "A股"), or when
    the run says that it is one ("选B吧", "B选项"); other letters of such a run are named too ("A或B" names two). With
    `names` (option text by letter) a letter glued to its own option is named as well (B followed by "yes"). Full-width
    letters count, lower case only as the whole answer.
    """
    text = text.translate(_HALF_WIDTH)
    runs = re.findall(r"[^\W_]+", text)
    if len(runs) == 1 and len(runs[0]) == 1:
        text = text.upper()
    letter = f"[{''.join(letters)}](?![{_GLUED}])"
    lone = rf"{_WORD_BEFORE}{letter}(?!['’-]?[{_WORD}])"
    said = rf"(?:选项?|选择|答案[是为]?){letter}|{letter}(?:选?项|是(?:正确|对))"
    named, found = list(re.finditer(lone, text)), set()
    for run in re.finditer(r"[^\W_]+", text):
        inside = [match for match in named if run.start() <= match.start() < run.end()]
        if inside and (inside[-1].end() == run.end() or re.search(said, run[0])):
            found |= {match[0] for match in inside}
    for letter, name in (names or {}).items():
        if re.search(rf"{_WORD_BEFORE}{letter}(?:[\W_]+|(?![{_WORD}])){re.escape(name)}", text):
            found.add(letter)
    return found.pop() if len(found) == 1 else None


def opencompass(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return the last upper-case character, option or not, as OpenCompass scores OpenFinData.

    `last_capital_postprocess` of https://github.com/open-compass/opencompass, opencompass/utils/text_postprocessors.py.
    """
    return next((character for character in reversed(text) if character.isupper()), None)


def original(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return all option letters joined ("AB" equals no gold letter), as the original study's regular expression."""
    return "".join(re.findall(rf"(?:选项)?([{''.join(letters)}])[：.]?", text)) or None


TEXT_SCORERS: dict[str, Callable] = {"greedy": greedy, "opencompass": opencompass, "original": original}


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
