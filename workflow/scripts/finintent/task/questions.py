"""Questions: those of the evaluation, and a user's own."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from finintent.errors import DataError
from finintent.files import one_line
from finintent.row_files import FileRow, columns_of, find_column, read_rows
from finintent.task.labels import label_code
from finintent.task.taxonomy import LETTERS, Taxonomy, option_markers
from finintent.task.text import cleaned, has_text, normalise

TEXT_KEYS = ("question", "text", "query")
GOLD_KEYS = ("answer", "label", "gold")
TRUTHS = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}
logger = logging.getLogger(__name__)


class _Columns(NamedTuple):
    """The columns of a file of questions; None for one that it does not have."""

    text: str
    gold: str
    also_gold: list[str]
    id: str | None
    options: str | None
    hard: str | None


def read_questions(path: str | Path, taxonomy: Taxonomy, marker: str) -> list[dict[str, Any]]:
    """Return the questions of a multiple-choice file.

    Args:
        path: a file that `read_rows` reads. A row has the question under the first of TEXT_KEYS that exists, and its
            right answer under the first of GOLD_KEYS: the letter of its option, the option's text or a label code. The
            options are under their letters (OpenFinData's format) or as a list under `options`; they must be names of
            the taxonomy. Where a row has none, they are the taxonomy's, and the answer is not a letter. `id` and `hard`
            are optional.
        taxonomy: the labels.
        marker: text after which the user's own text begins, "" when the file holds nothing else.

    Returns:
        One dict a question: id, question, options (label code by option marker: a letter, or a number if there are
        more than 26 labels), gold (label code) and hard. Other columns are left out.

    Raises:
        DataError: the file has another form, two rows have the same id, or the same question and different answers.
    """
    rows = read_rows(path)
    columns = _columns(path, rows)
    questions = []
    for number, row in enumerate(rows, 1):
        identity = number if columns.id is None else row.cells[columns.id]
        if isinstance(identity, bool) or not isinstance(identity, str | int) or not str(identity).strip():
            raise DataError(f"{row.where}: id is {identity!r}, expected a text or an integer of the row's own")
        options = _options(row, columns, taxonomy)
        questions.append(
            {
                "id": str(identity).strip(),
                "question": _own_text(row, columns.text, marker),
                "options": options or taxonomy.options,
                "gold": _gold(row, columns, options, taxonomy),
                "hard": _hard(row, columns.hard),
            }
        )
    _check_different(rows, questions)
    return questions


def _columns(path: str | Path, rows: Sequence[FileRow]) -> _Columns:
    everywhere = columns_of(rows)
    anywhere = list(dict.fromkeys(name for row in rows for name in row.cells))
    text, gold = (find_column(everywhere, names) for names in (TEXT_KEYS, GOLD_KEYS))
    for found, names in ((text, TEXT_KEYS), (gold, GOLD_KEYS)):
        if found is None:
            lacking = next((row.where for row in rows if find_column(row.cells, names) is None), path)
            raise DataError(
                f"{lacking}: no {' or '.join(names)}, found {one_line(', '.join(anywhere))}; expected a question and "
                "its answer in every row (docs/your-task.md)"
            )
    identity = find_column(anywhere, ["id"])
    if identity is not None and identity not in everywhere:
        lacking = next(row.where for row in rows if identity not in row.cells)
        raise DataError(f"{lacking}: no {identity}, which other rows have; give each row one, or none")
    also_gold = [name for key in GOLD_KEYS if (name := find_column(everywhere, [key])) not in (None, gold)]
    return _Columns(
        text, gold, also_gold, identity, find_column(anywhere, ["options"]), find_column(anywhere, ["hard"])
    )


def _options(row: FileRow, columns: _Columns, taxonomy: Taxonomy) -> dict[str, str]:
    """Return the label code by option marker of a row, nothing where the row has no options."""
    listed = row.cells.get(columns.options) if columns.options else None
    if listed is not None:
        if not isinstance(listed, list):
            raise DataError(f"{row.where}: options is {one_line(repr(listed))}, expected a list of the option texts")
        shown = dict(zip(option_markers(len(listed)), listed, strict=True))
    else:
        markers = dict.fromkeys((*LETTERS, *option_markers(len(taxonomy.labels))))
        shown = {marker: row.cells[marker] for marker in markers if row.cells.get(marker) not in (None, "")}
    codes = {name: code for code, name in taxonomy.names.items()}
    options = {}
    for marker, name in shown.items():
        if not isinstance(name, str) or name.strip() not in codes:
            raise DataError(f"{row.where}: option {name!r} is not a name of the taxonomy ({', '.join(codes)})")
        options[marker] = codes[name.strip()]
    if options and (set(options.values()) != set(taxonomy.codes) or len(options) != len(codes)):
        raise DataError(
            f"{row.where}: found the options {list(shown.values())}, expected each of {', '.join(codes)} once"
        )
    return options


def _own_text(row: FileRow, column: str, marker: str) -> str:
    text = row.cells[column]
    if not isinstance(text, str):
        raise DataError(f"{row.where}: {column} is {one_line(repr(text))}, expected some text")
    _, found, own = text.partition(marker) if marker else ("", "", text)
    if marker and not found:
        raise DataError(
            f"{row.where}: the question marker {marker!r} (evaluation.marker in the config) is not in its text; "
            "correct the one or the other"
        )
    return checked(own, f"{row.where}: {column}{f' after {marker!r}' if marker else ''}")


def _gold(row: FileRow, columns: _Columns, options: Mapping[str, str], taxonomy: Taxonomy) -> str:
    """Return the code of the right label.

    Raises:
        DataError: the column of answers names no label or two, or another column of that kind names another label.
    """
    column = columns.gold
    answer = row.cells[column]
    named = _named(answer, options, taxonomy)
    for other in columns.also_gold:
        if len(also := _named(row.cells[other], options, taxonomy)) == 1 and len(named) == 1 and also != named:
            raise DataError(
                f"{row.where}: {column} is {one_line(repr(answer))}, but {other} is "
                f"{one_line(repr(row.cells[other]))}; remove the column that is not the right answer"
            )
    if len(named) != 1:
        letters = f"one of its letters ({', '.join(options)}), " if options else ""
        labels = ", ".join(f"{code} = {name}" for code, name in taxonomy.names.items())
        found = "names two labels" if named else "names no label"
        raise DataError(
            f"{row.where}: {column} {one_line(repr(answer))} {found}, expected {letters}a label's code or its option's "
            f"text ({labels})"
        )
    return named.pop()


def _named(answer: Any, options: Mapping[str, str], taxonomy: Taxonomy) -> set[str]:
    """Return the codes of the labels that an answer names: by its option's letter, its text or its code."""
    text = answer.strip() if isinstance(answer, str) else ""
    by_marker = options.get(text) or options.get(normalise(text).upper())
    return {code for code in (by_marker, label_code(text, taxonomy)) if code}


def _hard(row: FileRow, column: str | None) -> bool:
    value = row.cells.get(column) if column else None
    if value is None or isinstance(value, bool):
        return bool(value)
    truth = TRUTHS.get(str(value).strip().lower())
    if truth is None:
        raise DataError(f"{row.where}: {column} is {one_line(repr(value))}, expected true or false")
    return truth


def _check_different(rows: Sequence[FileRow], questions: Sequence[dict[str, Any]]) -> None:
    """Refuse two rows with one id, and one question with two answers; a question that is repeated counts twice."""
    ids: dict[str, str] = {}
    texts: dict[str, tuple[str, str]] = {}
    for row, question in zip(rows, questions, strict=True):
        if question["id"] in ids:
            raise DataError(f"{row.where}: id {question['id']!r} is that of {ids[question['id']]} too; change one")
        ids[question["id"]] = row.where
        key = normalise(question["question"]) or question["question"]
        where, gold = texts.setdefault(key, (row.where, question["gold"]))
        if gold != question["gold"]:
            raise DataError(
                f"{row.where}: the same question as {where}, but the answer is {question['gold']!r} here and {gold!r} "
                "there; correct one of them, or remove both"
            )
        if where != row.where:
            logger.warning("%s: the same question as %s; it counts twice", row.where, where)


def validation_questions(rows: list[dict[str, Any]], taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Return curated rows as questions, with the options in the order of a training row."""
    return [
        {"id": row["id"], "question": row["query"], "options": taxonomy.options, "gold": row["label"], "hard": False}
        for row in rows
    ]


def read_texts(path: str | Path) -> list[str]:
    """Return the questions of a file that `read_rows` reads, each under the first of TEXT_KEYS that its row has.

    Raises:
        DataError: a row holds no question.
    """
    texts = []
    for row in read_rows(path):
        column = find_column(row.cells, TEXT_KEYS)
        if column is None:
            raise DataError(f"{row.where}: found {one_line(row.cells)}, expected {' or '.join(TEXT_KEYS)}")
        texts.append(checked(row.cells[column], f"{row.where}: {column}"))
    return texts


def checked(text: Any, where: str = "the question") -> str:
    """Return a question without invisible characters, and without white space around it.

    Raises:
        DataError: it is not text, or has no letter or digit.
    """
    if not isinstance(text, str) or not has_text(text):
        raise DataError(f"{where} is {one_line(repr(text))}, expected some text, with a letter or a digit in it")
    # Half of a surrogate pair, from a command line in another encoding.
    return cleaned(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
