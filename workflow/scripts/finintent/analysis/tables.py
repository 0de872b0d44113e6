"""Tables of results: Parquet keeps their types for later stages, CSV is for people."""

from pathlib import Path
from typing import Any

import pandas as pd


def write_table(table: pd.DataFrame, parquet: str | Path, csv: str | Path) -> None:
    """Write a table in both formats; CSV has six significant digits."""
    table.to_parquet(parquet, index=False)
    table.to_csv(csv, index=False, float_format="%.6g")


def read_table(parquet: str | Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote, every column with its type."""
    return pd.read_parquet(parquet)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, with None for missing values (JSON has no NaN)."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
