"""Tables keep their types from stage to stage."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from finintent.analysis.tables import read_table, records, write_table


@pytest.fixture
def table() -> pd.DataFrame:
    """Texts that CSV would read as missing or as numbers, and numbers that are missing."""
    return pd.DataFrame(
        {
            "id": ["007", "1e5", "True", "4"],
            "question": ["null", "NA", "", None],
            "rows": pd.array([24, None, 12, 0], dtype="Int64"),
            "share": [1 / 3, np.nan, 0.0, 1.0],
            "right": [True, False, True, False],
        }
    )


def test_a_table_is_read_with_its_types(tmp_path: Path, table: pd.DataFrame):
    write_table(table, tmp_path / "t.parquet", tmp_path / "t.csv")
    read = read_table(tmp_path / "t.parquet")
    assert_frame_equal(read, table)
    assert read["question"].isna().tolist() == [False, False, False, True]
    assert read["rows"].dtype == "Int64"


def test_csv_has_six_significant_digits(tmp_path: Path, table: pd.DataFrame):
    write_table(table, tmp_path / "t.parquet", tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().splitlines()[:2] == [
        "id,question,rows,share,right",
        "007,null,24,0.333333,True",
    ]


def test_records_have_none_for_what_is_missing(table: pd.DataFrame):
    rows = records(table)
    assert rows[0] == {"id": "007", "question": "null", "rows": 24, "share": 1 / 3, "right": True}
    assert [row["question"] for row in rows] == ["null", "NA", "", None]
    assert [rows[1][key] for key in ("rows", "share")] == [None, None]
    assert rows[3]["rows"] == 0
