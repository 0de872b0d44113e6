"""Rows of a user's own file, as spreadsheets, notebooks and libraries save them."""

import json

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finintent.errors import DataError, FinintentError
from finintent.row_files import find_column, read_rows

ROWS = [{"answer": "A", "output": "A"}, {"answer": "B", "output": "B。个股"}, {"answer": "C", "output": "选项C"}]
CSV = "answer,output\r\n" + "".join(f'{row["answer"]},"{row["output"]}"\r\n' for row in ROWS)
JSON = json.dumps(ROWS, ensure_ascii=False, indent=1)
LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
FORMATS = ["csv", "CSV", "tsv", "json", "jsonl", "ndjson", "xlsx", "parquet", "txt"]


def read(tmp_path, name: str, content: bytes | str) -> list[dict]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [row.cells for row in read_rows(path)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("gbk.csv", CSV.encode("gbk")),
        ("unicode-text.csv", CSV.replace(",", "\t").encode("utf-16")),
        ("semicolons.csv", CSV.replace(",", ";")),
        ("tabs.tsv", CSV.replace(",", "\t")),
        ("blank-rows.csv", CSV + ",\r\n,\r\n"),
        ("blank-lines.csv", "\r\n" + CSV.replace("\r\n", "\r\n\r\n")),
        ("spaces.csv", CSV.replace("answer,output", " answer, output ")),
        ("for-excel.csv", "sep=;\r\n" + CSV.replace(",", ";")),
        ("comma-at-each-end.csv", CSV.replace("\r\n", ",\r\n")),
        ("old-mac.csv", CSV.replace("\r\n", "\r")),
        ("upper.CSV", CSV),
        ("a.json", JSON),
        ("bom.json", b"\xef\xbb\xbf" + JSON.encode()),
        ("powershell.json", JSON.encode("utf-16")),
        ("upper.JSON", JSON),
        ("lines.json", LINES),
        ("lines.txt", LINES),
        ("a.jsonl", LINES),
        ("bom.jsonl", b"\xef\xbb\xbf" + LINES.encode()),
        ("crlf.jsonl", LINES.replace("\n", "\r\n\r\n")),
        ("wrapped.json", json.dumps({"results": ROWS, "version": 1})),
    ],
)
def test_the_same_rows_are_read_from_every_file(tmp_path, name: str, content: bytes | str):
    assert read(tmp_path, name, content) == ROWS


def test_a_workbook_and_a_parquet_file_are_read(tmp_path):
    sheet = pd.DataFrame(
        {
            "answer": ["A", "", "null"],
            "number": [1.0, 2.5, 3.0],
            "day": [pd.Timestamp(day) for day in ("2026-01-31", "2026-01-31 10:00", "2026-02-01")],
        }
    )
    sheet.to_excel(tmp_path / "a.xlsx", index=False)
    assert [row.cells for row in read_rows(tmp_path / "a.xlsx")] == [
        {"answer": "A", "number": "1", "day": "2026-01-31"},
        {"answer": "", "number": "2.5", "day": "2026-01-31T10:00:00"},
        {"answer": "null", "number": "3", "day": "2026-02-01"},
    ]
    assert read_rows(tmp_path / "a.xlsx")[1].where == f"{tmp_path}/a.xlsx, row 3"
    pd.DataFrame({"answer": ["A", None], "turns": [[{"role": "user"}], []]}).to_parquet(tmp_path / "a.parquet")
    assert [row.cells for row in read_rows(tmp_path / "a.parquet")] == [
        {"answer": "A", "turns": [{"role": "user"}]}, {"answer": None, "turns": []},
    ]  # fmt: skip


def workbook(path, *sheets: list[list]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(f"sheet {number}")
        for row in rows:
            sheet.append(row)
    book.save(path)


def test_a_second_sheet_and_an_error_in_a_cell_are_told(tmp_path, caplog):
    workbook(tmp_path / "a.xlsx", [["answer", "output"], ["A", "#N/A"], ["B", "B"]], [["more"]])
    assert [row.cells["output"] for row in read_rows(tmp_path / "a.xlsx")] == ["", "B"]
    assert "a.xlsx: read is the sheet 'sheet 1' alone, not 'sheet 2'" in caplog.text
    assert "a.xlsx, row 2: output is #N/A, an error of the spreadsheet, read as an empty cell" in caplog.text


def test_a_formula_without_a_value_is_refused(tmp_path):
    workbook(tmp_path / "a.xlsx", [["answer", "output"], ["A", "=CONCAT(A2)"]])
    with pytest.raises(DataError, match=r"a\.xlsx, row 2: the formula in cell B2 has no value yet"):
        read_rows(tmp_path / "a.xlsx")


def test_objects_by_key_keep_their_key(tmp_path):
    content = json.dumps({"0": {"prediction": "A"}, "1": {"prediction": "B", "id": 7}})
    assert read(tmp_path, "a.json", content) == [{"id": "0", "prediction": "A"}, {"id": 7, "prediction": "B"}]


def test_one_object_is_one_row_and_a_list_in_it_is_no_rows(tmp_path):
    row = {"response": "A", "messages": [{"role": "user"}]}
    assert read(tmp_path, "a.json", json.dumps(row)) == [row]
    assert read(tmp_path, "a.jsonl", json.dumps({"data": [1]})) == [{"data": [1]}]


def test_a_missing_number_is_missing(tmp_path):
    assert read(tmp_path, "a.json", '[{"hard": NaN}]') == [{"hard": None}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            "id,answer,output\n1,A,A,B\n",
            r"a\.csv, row 2: 4 cells, but row 1 names 3 columns \(id, answer, out",
        ),
        ("a.csv", "answer,output\nA,A\n\nB,B, no\n", r"a\.csv, row 4: 3 cells, but row 1 names 2"),
        ("a.csv", "answer,output\nA\n", r"a\.csv, row 2: 1 cells, but row 1 names 2 columns; complete it"),
        ("a.csv", "answer,answer\nA,A\n", "row 1: the column 'answer' twice"),
        ("a.csv", "answer,,\n", r"a\.csv: no rows"),
        ("a.csv", ",,answer\nA,A,A\n", "row 1: columns without a name"),
        ("a.csv", 'answer,output\nA,"A', r"a\.csv, row 2: not CSV"),
        ("a.csv", 'answer,output\nA,"A"B\n', r"a\.csv, row 2: not CSV"),
        ("a.csv", "", r"a\.csv: no rows, expected at least one"),
        ("a.csv", "answer,output\r\n", r"a\.csv: no rows"),
        ("a.json", JSON.rstrip("\n]") + ",\n]", r"a\.json, line \d+: not JSON"),
        ("a.json", "[1]", r"a\.json, item 1: found 1, expected an object"),
        ("a.jsonl", '{"a": 1}\n[2]\n', r"a\.jsonl, line 2: found \[2\], expected an object"),
        ("a.json", '{"a": 1}\n{"b"}', r"a\.json, line 2: not JSON"),
        ("a.xlsx", "answer,output\n", r"a\.xlsx: not a workbook"),
        ("a.xlsx", b"PK\x03\x04", r"a\.xlsx: not a workbook"),
        ("a.csv", b"PK\x03\x04 rest", "a workbook or another zip archive; give a workbook of Excel the ending .xlsx"),
        ("a.xls", b"\xd0\xcf\x11\xe0" + bytes(9), r"a\.xls: a workbook of Excel's old format; save it as XLSX or CSV"),
        ("a.csv.gz", b"\x1f\x8b\x08", r"a\.csv\.gz: compressed with gzip; unpack it"),
        ("a.csv", "Answer,answer\nA,B\n", "row 1: the column 'Answer' twice"),
        ("a.json", '[{"answer": "A", "answer": "B"}]', r"a\.json: the key 'answer' stands twice in one object"),
        ("a.jsonl", '{"a": 1}\n{"a": 1, "a": 2}', r"a\.jsonl, line 2: the key 'a' stands twice"),
        ("a.parquet", b"PAR1", r"a\.parquet: not a Parquet file"),
    ],
)
def test_a_file_that_does_not_say_what_is_meant_is_refused(tmp_path, name: str, content: bytes | str, message: str):
    with pytest.raises(DataError, match=message):
        read(tmp_path, name, content)


def test_a_column_is_found_in_any_case_and_its_own_case_first():
    assert find_column(["Answer", "ANSWER", "answer"], ["answer"]) == "answer"
    assert find_column(["Text", "Answer"], ["question", "text"]) == "Text"
    assert find_column(["Text"], ["answer"]) is None


@pytest.mark.parametrize("ending", FORMATS)
@settings(max_examples=100, deadline=None)
@given(content=st.binary() | st.text().map(str.encode) | st.sampled_from([CSV, JSON, LINES]).map(str.encode))
def test_any_bytes_give_rows_or_an_error_of_this_project(tmp_path_factory, ending: str, content: bytes):
    path = tmp_path_factory.getbasetemp() / f"fuzz.{ending}"
    path.write_bytes(content)
    try:
        rows = read_rows(path)
    except FinintentError:
        return
    assert all(isinstance(row.cells, dict) for row in rows)
