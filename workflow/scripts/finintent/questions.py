"""Evaluation questions, read from OpenFinData's multiple-choice format."""

from pathlib import Path
from typing import Any

from finintent.errors import DataError
from finintent.files import read_json
from finintent.task import LETTERS, Taxonomy


def read_questions(path: str | Path, taxonomy: Taxonomy, marker: str) -> list[dict[str, Any]]:
    """Return the questions of a multiple-choice file, each with id, question, options, gold and hard.

    `options` maps a letter to a label code, `gold` is a label code.

    `marker` is the text after which the user's own words begin ("" when the file holds nothing else). The option
    texts must be names of the taxonomy; every other key of an item is kept out.
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


def _question(where: str, item: Any, codes: dict[str, str], marker: str) -> dict[str, Any]:
    if not isinstance(item, dict) or not {"id", "question", "answer"} <= item.keys():
        raise DataError(f"{where}: expected an object with id, question, A, B, …, answer; found {str(item)[:80]!r}")
    options = {letter: item[letter] for letter in LETTERS if letter in item}
    if unknown := [name for name in options.values() if name not in codes]:
        raise DataError(f"{where}: option {unknown[0]!r} is no name of the taxonomy ({', '.join(codes)})")
    if set(options.values()) != set(codes) or len(options) != len(codes):
        raise DataError(
            f"{where}: found the options {list(options.values())}, expected each of {', '.join(codes)} once"
        )
    if item["answer"] not in options:
        raise DataError(f"{where}: answer {item['answer']!r} is none of its letters ({', '.join(options)})")
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
