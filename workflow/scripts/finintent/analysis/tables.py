"""Tables of results: Parquet keeps their types for later stages, CSV is for people."""

import html
from pathlib import Path
from typing import Any

import pandas as pd

from finintent.files import one_line

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_table(table: pd.DataFrame, parquet: str | Path, csv: str | Path) -> None:
    """Write a table in both formats; CSV has six significant digits, and no text that a spreadsheet would execute."""
    table.to_parquet(parquet, index=False)
    _inert(table).to_csv(csv, index=False, float_format="%.6g")


def _inert(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of which no spreadsheet takes a text for a formula: an apostrophe stands before it."""

    def without_formula(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value

    texts = table.select_dtypes(["object", "string", "category"]).columns
    return table.assign(**{column: table[column].astype(object).map(without_formula) for column in texts}).rename(
        columns=without_formula
    )


def markdown_cell(text: str, most: int = 200) -> str:
    """Return a text for a cell of a Markdown table: one line of at most `most` characters, without HTML."""
    return html.escape(one_line(text, most), quote=False).replace("|", "\\|")


def read_table(parquet: str | Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote, every column with its type."""
    return pd.read_parquet(parquet)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, with None for missing values (JSON has no NaN)."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
