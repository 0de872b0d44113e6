"""Candidates from a file of rows of one's own: a table of queries and labels, or rows that teach a chat model."""

from pathlib import Path
from typing import Any

from finintent.config.generation import OwnRows
from finintent.data.curation import UNKNOWN_PERSONA
from finintent.data.taught_rows import is_taught, taught_candidates, taught_rows
from finintent.errors import DataError
from finintent.files import one_line
from finintent.row_files import FileRow, find_column, read_rows
from finintent.task.labels import label_code, nearest
from finintent.task.taxonomy import Taxonomy
from finintent.task.wording import Instruction


def own_candidates(settings: OwnRows, taxonomy: Taxonomy, instruction: Instruction) -> list[dict[str, Any]]:
    """Return the candidates of a file, in its order and in the form of `candidates_from_responses`.

    Args:
        settings: the file and the names of its columns.
        taxonomy: the labels, which rows name by their code or their option's text.
        instruction: the wording of the data set, for rows that teach a chat model.

    Raises:
        DataError: the file cannot be read, or a row has no label of the taxonomy.
    """
    path = settings.path
    rows = read_rows(path)
    columns = list(dict.fromkeys(column for row in rows for column in row.cells))
    if find_column(columns, [settings.query_column]) is None and is_taught(columns):
        advice = "give that file the wording of these rows, or write a table of queries and labels"
        pairs = taught_candidates(taught_rows(rows), instruction, taxonomy, source=path, advice=advice)
        read = [(query, code, UNKNOWN_PERSONA) for query, code in pairs]
    else:
        read = _table(rows, columns, settings, taxonomy)
    name = Path(path).name
    return [
        {
            "id": f"row-{number:05d}",
            "query": query,
            "label": code,
            "persona": persona,
            "request": row.where.removeprefix(f"{path}, "),
            "generator": name,
            "recorded": None,
            "cost_usd": None,
        }
        for number, (row, (query, code, persona)) in enumerate(zip(rows, read, strict=True), 1)
    ]


def _table(
    rows: list[FileRow], columns: list[str], settings: OwnRows, taxonomy: Taxonomy
) -> list[tuple[str, str, str]]:
    """Return the query, the label code and the persona of each row of a table."""
    found = {}
    for key in ("query_column", "label_column"):
        found[key] = find_column(columns, [getattr(settings, key)])
        if found[key] is None:
            raise DataError(
                f"{settings.path}: no column {getattr(settings, key)!r}, found {one_line(', '.join(columns))}; give "
                f"its name as generation.file.{key}"
            )
    persona = find_column(columns, [settings.persona_column])
    return [
        (
            _query(row, found["query_column"]),
            _label(row, found["label_column"], taxonomy),
            str(row.cells.get(persona) or "").strip() or UNKNOWN_PERSONA,
        )
        for row in rows
    ]


def _query(row: FileRow, column: str) -> str:
    query = row.cells.get(column)
    if isinstance(query, bool) or not isinstance(query, str | int | None):
        raise DataError(f"{row.where}: {column} is {one_line(repr(query))}, expected text")
    return "" if query is None else str(query)  # curation rejects a row without text


def _label(row: FileRow, column: str, taxonomy: Taxonomy) -> str:
    label = row.cells.get(column)
    text = str(label) if isinstance(label, str | int) else ""
    code = label_code(text, taxonomy)
    if code is None:
        labels = ", ".join(f"{code} = {name}" for code, name in taxonomy.names.items())
        offer = nearest(text.strip(), [*taxonomy.codes, *taxonomy.names.values()])
        raise DataError(
            f"{row.where}: {column} is {one_line(repr(label))}, expected a label's code or its option's text ({labels})"
            f"{offer}"
        )
    return code
