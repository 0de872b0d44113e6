"""Questions: those of the evaluation, in OpenFinData's multiple-choice format, and a user's own."""

from pathlib import Path
from typing import Any

from finintent.errors import DataError
from finintent.files import numbered_jsonl, read_json, read_text
from finintent.task.taxonomy import LETTERS, Taxonomy, option_markers

TEXT_KEYS = ("question", "text")


def read_questions(path: str | Path, taxonomy: Taxonomy, marker: str) -> list[dict[str, Any]]:
    """Return the questions of a multiple-choice file.

    Args:
        path: JSON list in OpenFinData's format. The option texts must be names of the taxonomy.
        taxonomy: the labels.
        marker: text after which the user's own text begins, "" when the file holds nothing else.

    Returns:
        One dict a question: id, question, options (label code by option marker: a letter, or a number if there are
        more than 26 labels), gold (label code) and hard. Other keys of an item are left out.

    Raises:
        DataError: the file has another form, or two items have the same id.
    """
    items = read_json(path)
    if not isinstance(items, list) or not items:
        raise DataError(f"{path}: expected a non-empty list of questions, found {type(items).__name__}")
    codes = {name: code for code, name in taxonomy.names.items()}
    questions = [_question(f"{path}, item {index}", item, codes, marker) for index, item in enumerate(items)]
    seen: dict[str, int] = {}
    for index, question in enumerate(questions):
        if question["id"] in seen:
            raise DataError(f"{path}, item {index}: id {question['id']!r} is that of item {seen[question['id']]} too")
        seen[question["id"]] = index
    return questions


def validation_questions(rows: list[dict[str, Any]], taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Return curated rows as questions, with the options in the order of a training row."""
    return [
        {"id": row["id"], "question": row["query"], "options": taxonomy.options, "gold": row["label"], "hard": False}
        for row in rows
    ]


def _question(where: str, item: Any, codes: dict[str, str], marker: str) -> dict[str, Any]:
    if not isinstance(item, dict) or not {"id", "question", "answer"} <= item.keys():
        raise DataError(f"{where}: expected an object with id, question, A, B, …, answer; found {str(item)[:80]!r}")
    markers = (*LETTERS, *option_markers(len(codes)))
    options = {marker: item[marker] for marker in markers if marker in item}
    if unknown := [name for name in options.values() if name not in codes]:
        raise DataError(f"{where}: option {unknown[0]!r} is not a name of the taxonomy ({', '.join(codes)})")
    if set(options.values()) != set(codes) or len(options) != len(codes):
        raise DataError(
            f"{where}: found the options {list(options.values())}, expected each of {', '.join(codes)} once"
        )
    if item["answer"] not in options:
        raise DataError(f"{where}: answer {item['answer']!r} is not one of its letters ({', '.join(options)})")
    _, found, question = item["question"].partition(marker) if marker else ("", "", item["question"])
    if marker and not found:
        raise DataError(f"{where}: the question marker {marker!r} (evaluation.marker in the config) is not in its text")
    return {
        "id": str(item["id"]),
        "question": question.strip(),
        "options": {letter: codes[name] for letter, name in options.items()},
        "gold": codes[options[item["answer"]]],
        "hard": bool(item.get("hard", False)),
    }


def read_texts(path: str | Path) -> list[str]:
    """Return the questions of a file of JSON lines, each under "question" or "text"; blank lines are skipped.

    Raises:
        DataError: a line holds no question, or the file has no lines.
    """
    texts = [_text(where, row) for where, row in numbered_jsonl(path, read_text(path))]
    if not texts:
        raise DataError(f"{path}: no questions, expected one object with {' or '.join(TEXT_KEYS)} a line")
    return texts


def _text(where: str, row: Any) -> str:
    keys = [key for key in TEXT_KEYS if key in row] if isinstance(row, dict) else []
    if not keys:
        raise DataError(f"{where}: found {str(row)[:80]!r}, expected an object with {' or '.join(TEXT_KEYS)}")
    return checked(row[keys[0]], f"{where}: {keys[0]}")


def checked(text: Any, where: str = "the question") -> str:
    """Return a question without white space around it.

    Raises:
        DataError: it is not text, or nothing is left.
    """
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where} is {text!r}, expected some text")
    return text.strip()
