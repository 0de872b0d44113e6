"""Candidates from a file of rows of one's own."""

import json
from pathlib import Path

import pandas as pd
import pytest

from finintent.config.generation import OwnRows
from finintent.data.alpaca import alpaca_row
from finintent.data.candidates import candidates_from_responses, candidates_record
from finintent.data.own_rows import own_candidates
from finintent.errors import DataError
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import DATASET, ROOT

RESOURCES = ROOT / "tests/datasets" / DATASET
TAXONOMY = read_taxonomy(RESOURCES / "taxonomy.yaml")
INSTRUCTION = read_instruction(RESOURCES / "prompts/instruction.yaml")
ROWS = [
    {"query": "Where is it?", "label": "shipping"},
    {"query": "I forgot who I am", "label": "Account"},
    {"query": "600519", "label": "BILLING"},
]
FORMS = ["letter", "label", "letter"]
WANTED = [("Where is it?", "shipping"), ("I forgot who I am", "account"), ("600519", "billing")]


def read(path: Path, **columns: str) -> list[dict]:
    return own_candidates(OwnRows(path=str(path), **columns), TAXONOMY, INSTRUCTION)


def save(path: Path, rows: list[dict]) -> Path:
    table = pd.DataFrame(rows)
    match path.suffix:
        case ".csv":
            table.to_csv(path, index=False)
        case ".tsv":
            table.to_csv(path, index=False, sep="\t")
        case ".xlsx":
            table.to_excel(path, index=False)
        case ".parquet":
            table.to_parquet(path)
        case ".jsonl":
            path.write_text("\n".join(json.dumps(row) for row in rows))
        case _:
            path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.xlsx", "a.parquet", "a.jsonl", "a.json"])
def test_a_table_in_any_format_gives_its_rows(tmp_path: Path, name: str):
    rows = read(save(tmp_path / name, ROWS))
    assert [(row["query"], row["label"]) for row in rows] == WANTED
    assert {row["persona"] for row in rows} == {"unknown"}
    assert len({row["id"] for row in rows}) == 3
    (recorded, *_) = candidates_from_responses(str(RESOURCES / "recorded_responses.jsonl"), DATASET)
    assert list(rows[0]) == list(recorded)
    assert candidates_record("file", rows) == {
        "backend": "file", "origin": f"taken from the file {name}", "synthetic": False, "generators": {name: 3},
        "candidates": 3, "first_answer": None, "last_answer": None,
    }  # fmt: skip


def test_columns_have_other_names_and_personas(tmp_path: Path):
    rows = [{"Text": row["query"], "intent": row["label"], "who": who} for row, who in zip(ROWS, "ab ", strict=True)]
    columns = {"query_column": "text", "label_column": "intent", "persona_column": "who"}
    found = read(save(tmp_path / "a.csv", rows), **columns)
    assert [(row["query"], row["label"]) for row in found] == WANTED
    assert [row["persona"] for row in found] == ["a", "b", "unknown"]


def test_rows_that_teach_a_model_are_read(tmp_path: Path):
    rows = [{"query": query, "label": label} for query, label in WANTED]
    alpaca = [
        alpaca_row(row, TAXONOMY, INSTRUCTION, answer, shuffle=1)
        for row, answer in zip(rows, ["letter", "label", "letter"], strict=True)
    ]
    turns = [
        {"conversations": [{"from": "human", "value": row["instruction"]}, {"from": "gpt", "value": row["output"]}]}
        for row in alpaca
    ]
    for number, taught in enumerate((alpaca, turns)):
        found = read(save(tmp_path / f"{number}.json", taught))
        assert [(row["query"], row["label"]) for row in found] == WANTED


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "x", "label": "billing"}], r"no column 'query', found text, label; give its name as gen"),
        ([{"query": "x", "topic": "billing"}], r"no column 'label', found query, topic; give its name as gen"),
        ([*ROWS, {"query": "x", "label": "biling"}],
         r"item 4: label is 'biling', .* \(billing = Billing, .*\); did you mean 'billing'\?"),
        ([{"query": "x", "label": None}], "item 1: label is None, expected a label's code"),
        ([{"query": ["x"], "label": "billing"}], r"item 1: query is \['x'\], expected text"),
        ([{"instruction": "x", "output": "y"}], "no row has the wording of prompts/instruction.yaml, the first begins"),
        ([], "no rows, expected at least one"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, rows: list[dict], message: str):
    with pytest.raises(DataError, match=rf"a\.json.*: {message}|a\.json, {message}"):
        read(save(tmp_path / "a.json", rows))
