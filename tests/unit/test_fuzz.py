"""Whatever a file holds, each reader of a user's files gives a result or an error of this project."""

import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finintent.analysis.output_files import score_file
from finintent.claude.prompts import GenerationPrompt
from finintent.claude.store import ResponseStore
from finintent.config.generation import OwnRows
from finintent.data.candidates import candidates_from_responses
from finintent.data.curation import Personas
from finintent.data.own_rows import own_candidates
from finintent.errors import FinintentError
from finintent.files import parse_yaml, read_json, read_jsonl, read_text, read_yaml
from finintent.row_files import read_rows
from finintent.task.prediction import read_predictions
from finintent.task.questions import read_questions, read_texts
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import DATASET, ROOT

RESOURCES = ROOT / "tests/datasets" / DATASET
TAXONOMY = read_taxonomy(RESOURCES / "taxonomy.yaml")
INSTRUCTION = read_instruction(RESOURCES / "prompts/instruction.yaml")
TABLE = "id,question,query,label,answer,output,A,B,C,hard\n1,q,q,billing,A,B,Billing,Shipping,Account,yes\n"
ROW = dict(zip(*(line.split(",") for line in TABLE.splitlines()), strict=True))
PREDICTION = {
    "id": "0", "gold": "billing", "options": {"A": "billing", "B": "shipping", "C": "account"}, "text": "A",
    "log_probabilities": {"billing": -0.1, "shipping": -3.0, "account": -4.0}, "permutations": [],
}  # fmt: skip
RECORD = {
    "type": "answer", "digest": "a", "cost_usd": 0.1, "time": "2026-01-01T00:00:00+00:00", "request": {},
    "message": {
        "model": "m", "stop_reason": "end_turn", "content": [{"type": "text", "text": "x"}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
}  # fmt: skip
TURNS = {"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "A"}]}
ALPACA = {"instruction": "x", "input": "y", "output": "billing"}
RESPONSE = json.loads((RESOURCES / "recorded_responses.jsonl").read_text(encoding="utf-8").splitlines()[0])

READERS: dict[str, tuple[Callable[[Path], object], list[object]]] = {
    "questions": (lambda path: read_questions(path, TAXONOMY, ""), [ROW]),
    "texts": (read_texts, [ROW]),
    "rows": (lambda path: own_candidates(OwnRows(path=str(path)), TAXONOMY, INSTRUCTION), [ROW, TURNS, ALPACA]),
    "outputs": (score_file, [ROW]),
    "predictions": (lambda path: read_predictions(path, TAXONOMY.codes), [PREDICTION]),
    "store": (ResponseStore, [RECORD]),
    "responses": (lambda path: candidates_from_responses(str(path), DATASET), [RESPONSE]),
    "json": (read_json, [ROW]),
    "jsonl": (read_jsonl, [ROW]),
    "text": (read_text, [ROW]),
    "taxonomy": (read_taxonomy, [TAXONOMY.model_dump()]),
    "instruction": (read_instruction, [INSTRUCTION.model_dump()]),
    "personas": (lambda path: read_yaml(path, Personas), [{"terse": "x"}]),
    "prompts": (lambda path: read_yaml(path, GenerationPrompt), [{"version": 1}]),
    "yaml": (lambda path: parse_yaml(path, read_text(path)), [{"a": [1]}]),
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def contents(draw: st.DrawFn, examples: list[object]) -> bytes:
    """Draw a file: any bytes, a good file with some bytes changed, or a good row with one value changed."""
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return draw(st.binary(max_size=200))
    if kind == 1:
        return draw(st.text(max_size=100)).encode("utf-8")
    row = draw(st.sampled_from(examples))
    if kind == 2:
        changed = {**row, draw(st.sampled_from(sorted(row))): draw(JSON_VALUES)} if isinstance(row, dict) else row
        return json.dumps(draw(st.sampled_from([changed, [changed], [row, changed], {"rows": [changed]}]))).encode()
    good = draw(st.sampled_from([TABLE, TABLE.replace(",", "\t"), json.dumps(row), json.dumps([row])]))
    content = bytearray(good, draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"])))
    for _ in range(draw(st.integers(0, 3))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "tsv", "yaml"])
@pytest.mark.parametrize("name", READERS)
def test_any_bytes_give_a_result_or_an_error_of_this_project(tmp_path: Path, name: str, ending: str):
    reader, examples = READERS[name]
    path = tmp_path / f"file.{ending}"

    @settings(max_examples=40, deadline=None)
    @given(content=contents(examples))
    def read(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(FinintentError):
            reader(path)

    read()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_workbook_gives_rows_or_an_error_of_this_project(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    folder = tmp_path_factory.getbasetemp()
    if not (folder / "good.xlsx").exists():
        pd.DataFrame([ROW, ROW | {"hard": 1.5}]).to_excel(folder / "good.xlsx", index=False)
    packed, content = zipfile.ZipFile(folder / "good.xlsx"), BytesIO()
    name = data.draw(st.sampled_from(packed.namelist()))
    with zipfile.ZipFile(content, "w") as changed:
        for member in packed.namelist():
            part = bytearray(packed.read(member))
            if member == name:
                for _ in range(data.draw(st.integers(0, 8))):
                    part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))
                del part[data.draw(st.integers(0, len(part))) :]
            changed.writestr(member, bytes(part))
    (folder / "fuzz.xlsx").write_bytes(content.getvalue())
    with suppress(FinintentError):
        read_rows(folder / "fuzz.xlsx")
