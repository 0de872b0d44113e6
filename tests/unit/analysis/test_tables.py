"""Tables keep their types from stage to stage."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from finintent.analysis.tables import markdown_cell, read_table, records, write_table


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


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_csv_is_a_formula(tmp_path: Path, start: str):
    text = f'{start}HYPERLINK("http://evil.example","x")'
    table = pd.DataFrame({"question": [text, "1 - 1"], text: [-1, 2]})
    for typed in (table, table.astype({"question": "string"})):
        write_table(typed, tmp_path / "t.parquet", tmp_path / "t.csv")
        with (tmp_path / "t.csv").open(newline="") as file:
            header, first, second = csv.reader(file)
        assert header == ["question", f"'{text}"]
        assert first == [f"'{text}", "-1"]  # a number stays one
        assert second == ["1 - 1", "2"]
        assert read_table(tmp_path / "t.parquet")["question"][0] == text


def test_a_cell_of_markdown_is_one_short_line_without_html():
    assert markdown_cell("a|b\n<b>c</b>") == "a\\|b &lt;b&gt;c&lt;/b&gt;"
    assert len(markdown_cell("x" * 20_000)) == 200


def test_records_have_none_for_what_is_missing(table: pd.DataFrame):
    rows = records(table)
    assert rows[0] == {"id": "007", "question": "null", "rows": 24, "share": 1 / 3, "right": True}
    assert [row["question"] for row in rows] == ["null", "NA", "", None]
    assert [rows[1][key] for key in ("rows", "share")] == [None, None]
    assert rows[3]["rows"] == 0
