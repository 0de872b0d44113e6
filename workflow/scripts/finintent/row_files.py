"""Rows of a user's own file: CSV, TSV, JSON, JSON lines, XLSX or Parquet, whatever program saved it."""

import csv
import io
import logging
import math
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from finintent.errors import DataError
from finintent.files import decode, numbered_jsonl, one_line, parse_json, read_bytes

LIST_KEYS = ("data", "rows", "items", "results", "examples", "questions", "predictions")  # in a JSON object
DELIMITERS = ",;\t"
LINES = (".jsonl", ".ndjson")
WORKBOOKS = (".xlsx", ".xlsm")
MAX_UNPACKED = 2**28  # bytes of a workbook, which is a zip archive
# What Excel shows, and writes into CSV, where a formula has no value.
ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})
OTHER_FILES = {  # the first bytes of what people take for a table of text, and what to do about it
    b"PK\x03\x04": "a workbook or another zip archive; give a workbook of Excel the ending .xlsx, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel's old format; save it as XLSX or CSV",
    b"\x1f\x8b": "compressed with gzip; unpack it",
    b"%PDF": "a PDF; save the table as CSV",
}
logger = logging.getLogger(__name__)


class FileRow(NamedTuple):
    """A row: where it stands ("FILE, row 3"), and its values by column."""

    where: str
    cells: dict[str, Any]


def read_rows(path: str | Path) -> list[FileRow]:
    """Return the rows of a file, without blank ones.

    The ending decides the format: `.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.xlsx`, `.xlsm`, `.parquet`. A file with
    another ending is JSON or JSON lines. Cells of CSV, TSV and XLSX are text, "" where they are empty; the first row
    names the columns, and rows are counted as a spreadsheet counts them; a cell that is an error such as #N/A is read
    as an empty one, with a warning. JSON is a list of objects, an object of
    objects, or an object with a list under one of LIST_KEYS. White space around a column's name is removed.

    Raises:
        DataError: the file cannot be read, has another form, a row has more or fewer cells than the first row names
            columns, or there are no rows.
    """
    ending = Path(path).suffix.lower()
    content = read_bytes(path)
    if ending in WORKBOOKS:
        rows = _workbook(path, content)
    elif ending == ".parquet":
        rows = _parquet(path, content)
    elif other := next((what for start, what in OTHER_FILES.items() if content.startswith(start)), None):
        raise DataError(f"{path}: {other}")
    else:
        text = decode(path, content)
        if ending in (".csv", ".tsv"):
            rows = _table(path, _csv(path, text, "\t" if ending == ".tsv" else None))
        else:
            rows = _json(path, text, lines=ending in LINES)
    if not rows:
        raise DataError(f"{path}: no rows, expected at least one")
    return rows


def columns_of(rows: Sequence[FileRow]) -> list[str]:
    """Return the names of the columns that every row has, in the order of the first row."""
    return [name for name in rows[0].cells if all(name in row.cells for row in rows)]


def find_column(columns: Iterable[str], names: Iterable[str]) -> str | None:
    """Return the column that has one of some names, the first of them that there is; case decides only among equals."""
    columns = list(columns)
    folded = {column.casefold(): column for column in reversed(columns)}
    found = (name if name in columns else folded.get(name.casefold()) for name in names)
    return next((column for column in found if column is not None), None)


def _csv(path: str | Path, text: str, delimiter: str | None) -> list[tuple[int, list[str]]]:
    """Return the rows of a CSV text with their numbers; the delimiter is that of the first line unless it is given."""
    skipped = 0
    if delimiter is None and (told := re.match(r"sep=(.)\r?\n", text)):  # a line for Excel alone
        delimiter, text, skipped = told[1], text[told.end() :], 1
    if delimiter is None:
        first = next((line for line in text.splitlines() if line.strip()), "")
        delimiter = max(DELIMITERS, key=first.count)
    rows = []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            rows.append((number + skipped, cells))
    except csv.Error as error:
        raise DataError(
            f"{path}, row {len(rows) + 1 + skipped}: not CSV ({error}); correct that row, or save it as CSV again"
        ) from None
    return rows


def _table(path: str | Path, lines: Iterable[tuple[int, list[str]]]) -> list[FileRow]:
    """Return the rows below the first one that is not blank, which names the columns."""
    filled = [(number, cells) for number, cells in lines if any(cell.strip() for cell in cells)]
    if not filled:
        return []
    (first, header), *rows = filled
    names = [name.strip() for name in _without_empty_end(header)]
    folded = [name.casefold() for name in names]
    if repeated := [name for name in names if folded.count(name.casefold()) > 1]:
        what = f"the column {repeated[0]!r} twice" if repeated[0] else "columns without a name"
        raise DataError(f"{path}, row {first}: {what}; give each column a name of its own")
    found, errors = [], []
    for number, cells in rows:
        if len(cells) < len(names):
            raise DataError(
                f"{path}, row {number}: {len(cells)} cells, but row {first} names {len(names)} columns; complete it"
            )
        if any(cell.strip() for cell in cells[len(names) :]):
            raise DataError(
                f"{path}, row {number}: {len(_without_empty_end(cells))} cells, but row {first} names {len(names)} "
                f"columns ({one_line(', '.join(names))}); put a text that holds the delimiter in double quotes, or "
                "name the further column"
            )
        row = dict(zip(names, cells, strict=False))
        errors += [f"row {number}: {name} is {cell.strip()}" for name, cell in row.items() if cell.strip() in ERRORS]
        found.append(
            FileRow(f"{path}, row {number}", {name: "" if row[name].strip() in ERRORS else row[name] for name in row})
        )
    if errors:
        logger.warning(
            "%s, %s, an error of the spreadsheet, read as an empty cell%s",
            path,
            errors[0],
            f"; so are {len(errors) - 1} more" if errors[1:] else "",
        )
    return found


def _without_empty_end(cells: list[str]) -> list[str]:
    last = max((number for number, cell in enumerate(cells, 1) if cell.strip()), default=0)
    return cells[:last]


def _workbook(path: str | Path, content: bytes) -> list[FileRow]:
    """Return the rows of a workbook's first sheet."""
    import pandas as pd  # as for Parquet, here alone: most files need none, and it takes longer to load than they do

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(member.file_size for member in packed.infolist()) > MAX_UNPACKED:
                raise DataError(f"{path}: more than {MAX_UNPACKED >> 20} MiB unpacked; save the sheet as CSV")
            formulas = any(re.search(rb"<f[ >]", packed.read(name)) for name in _sheets(packed))
        book = pd.ExcelFile(io.BytesIO(content), engine="openpyxl")
        sheet, *others = [
            pd.read_excel(book, name, header=None, dtype=object, na_filter=False) for name in book.sheet_names
        ]
        if formulas:
            _check_formulas(path, content)
    except DataError:
        raise
    except Exception as error:  # openpyxl does not wrap what a damaged file makes its parsers raise
        reason = one_line(error) or type(error).__name__
        raise DataError(f"{path}: not a workbook that can be read ({reason}); save the sheet as CSV") from None
    if any(other.size for other in others):
        first, *further = book.sheet_names
        logger.warning(
            "%s: read is the sheet %r alone, not %s; save the one that you mean in a file of its own",
            path, first, one_line(", ".join(map(repr, further))),
        )  # fmt: skip
    lines = enumerate(([_cell_text(value) for value in row] for row in sheet.itertuples(index=False, name=None)), 1)
    return _table(path, lines)


def _sheets(packed: zipfile.ZipFile) -> list[str]:
    return [name for name in packed.namelist() if name.startswith("xl/worksheets/")]


def _check_formulas(path: str | Path, content: bytes) -> None:
    """Refuse a formula whose value was never computed: programs write them, and Excel computes what it opens.

    Raises:
        DataError: the first sheet has one.
    """
    from openpyxl import load_workbook

    written, computed = (
        load_workbook(io.BytesIO(content), data_only=only).worksheets[0].iter_rows() for only in (False, True)
    )
    for row, values in zip(written, computed, strict=True):
        for cell, value in zip(row, values, strict=True):
            if cell.data_type == "f" and value.value is None:
                raise DataError(
                    f"{path}, row {cell.row}: the formula in cell {cell.coordinate} has no value yet; open and save "
                    "the file in the program for spreadsheets, or write values"
                )


def _cell_text(value: Any) -> str:
    """Return a cell as a spreadsheet shows it: 3 for 3.0, TRUE, 2026-01-31."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and math.isnan(value):
        return "#N/A"  # what pandas makes of any error, as an empty cell is text here
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        value = value.date()
    return value.isoformat() if isinstance(value, date) else str(value)


def _parquet(path: str | Path, content: bytes) -> list[FileRow]:
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
    except Exception as error:  # pyarrow has no common class for what a damaged file makes it raise
        raise DataError(f"{path}: not a Parquet file that can be read ({one_line(error)}); write it again") from None
    return _objects(path, enumerate(rows, 1))


def _json(path: str | Path, text: str, *, lines: bool) -> list[FileRow]:
    """Return the rows of JSON lines, of a JSON list, or of an object that holds the rows."""
    start = text.lstrip()[:1]
    if lines or start not in ("[", "{"):
        return _lines(path, text)
    try:
        value = parse_json(path, text)
    except DataError:
        if start == "{" and "\n" in text.strip():
            return _lines(path, text)  # an object a line
        raise
    if isinstance(value, dict):
        value = _rows_in(value)
    if isinstance(value, dict):
        return _objects(path, [(key, row if "id" in row else {"id": key, **row}) for key, row in value.items()], "key")
    return _objects(path, enumerate(value, 1), "item")


def _rows_in(value: dict[str, Any]) -> dict[str, Any] | list[Any]:
    """Return the rows that an object holds: its objects by key, or a list; or the object itself, as the only row."""
    if value and all(isinstance(row, dict) for row in value.values()):
        return value
    lists = [key for key in LIST_KEYS if isinstance(value.get(key), list)]
    return value[lists[0]] if len(lists) == 1 else [value]


def _lines(path: str | Path, text: str) -> list[FileRow]:
    rows = []
    for where, value in numbered_jsonl(path, text):
        rows.append(_object(where, value))
    return rows


def _objects(path: str | Path, rows: Iterable[tuple[object, Any]], kind: str = "row") -> list[FileRow]:
    return [_object(f"{path}, {kind} {one_line(number)}", row) for number, row in rows]


def _object(where: str, value: Any) -> FileRow:
    if not isinstance(value, dict):
        raise DataError(f"{where}: found {one_line(repr(value))}, expected an object with a value for each column")
    # NaN is how pandas and Python write a missing value.
    missing = [key for key, cell in value.items() if isinstance(cell, float) and math.isnan(cell)]
    return FileRow(where, {str(key).strip(): cell for key, cell in (value | dict.fromkeys(missing)).items()})
