"""Whatever a file holds, each reader and each command gives a result or an error of this project.

FUZZ_EXAMPLES is the number of files for each test, 40 where it is not set; of 500 for each command:

    FUZZ_EXAMPLES=500 pytest tests/unit/test_fuzz.py -k "command or model"
"""

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from finintent.analysis.output_files import score_file
from finintent.claude.prompts import GenerationPrompt
from finintent.claude.store import ResponseStore
from finintent.cli import app
from finintent.config.generation import OwnRows
from finintent.data.candidates import candidates_from_responses
from finintent.data.curation import Personas
from finintent.data.own_rows import own_candidates
from finintent.errors import FinintentError
from finintent.files import parse_yaml, read_json, read_jsonl, read_text, read_yaml
from finintent.inference.classifier_file import ClassifierFile
from finintent.row_files import read_rows
from finintent.task.prediction import read_predictions
from finintent.task.questions import read_questions, read_texts
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from finintent.training.arguments import training_config
from tiny import DATASET, ROOT, write_tiny_model

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
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


def _changed(draw: st.DrawFn, row: dict[str, object]) -> dict[str, object]:
    return {**row, draw(st.sampled_from(sorted(row))): draw(JSON_VALUES)}


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
        changed = _changed(draw, row) if isinstance(row, dict) else [*row]
        if isinstance(row, list):
            number = draw(st.integers(0, len(row) - 1))
            changed[number] = _changed(draw, row[number])
        return json.dumps(draw(st.sampled_from([changed, [changed], [row, changed], {"rows": [changed]}]))).encode()
    table = pd.DataFrame(row if isinstance(row, list) else [row]).to_csv(index=False)
    good = draw(st.sampled_from([table, table.replace(",", "\t"), json.dumps(row), json.dumps([row])]))
    content = bytearray(good, draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"])))
    for _ in range(draw(st.integers(0, 3))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "tsv", "yaml"])
@pytest.mark.parametrize("name", READERS)
def test_any_bytes_give_a_result_or_an_error_of_this_project(tmp_path: Path, name: str, ending: str):
    reader, examples = READERS[name]
    path = tmp_path / f"file.{ending}"

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(content=contents(examples))
    def read(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(FinintentError):
            reader(path)

    read()


@settings(max_examples=EXAMPLES, deadline=None)
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


CLASSIFIER = ClassifierFile(
    template="gemma", taxonomy=TAXONOMY, instruction=INSTRUCTION, temperature=1.0, precision="fp32"
)
CODES = ("billing", "shipping", "account")
QUESTIONS = [{"id": str(number), "question": f"where is {number}", "label": code} for number, code in enumerate(CODES)]
QUERIES = {
    "billing": ("Why was I charged twice?", "My invoice shows a wrong sum", "Please refund the last payment"),
    "shipping": ("The courier never rang", "When does it arrive in Oslo?", "A box came broken"),
    "account": ("I forgot my password", "Change the e-mail on my profile", "Delete everything you know of me"),
}
ROWS = [{"query": text, "label": code} for code, texts in QUERIES.items() for text in texts]
OUTPUTS = [{"id": "1", "text": "A", "gold": "A", "A": "Billing", "B": "Shipping"}]
SETS = {"train": {"columns": {}}, "validation": {"columns": {}}}
TRAINING = training_config(
    model="model", data="data", template="gemma", split_special_tokens=False, checkpoints="out",
    settings={"learning_rate": 0.1, "lora_rank": 8}, seed=1, bf16=False, gpu=False,
)  # fmt: skip
TABLES = ("csv", "tsv", "json", "jsonl", "xlsx", "parquet", "")  # endings
# By command and the file that is fuzzed: the arguments (FILE stands for it), its endings, and what is good in it.
COMMANDS: dict[str, tuple[list[str], tuple[str, ...], list[object]]] = {
    "classify, questions": (["classify", "--model", "tuned", "--jsonl", "FILE"], TABLES, [ROW, *QUESTIONS]),
    "classify, classifier.json": (["classify", "where", "--model", "fuzzed"], (), [CLASSIFIER.model_dump(mode="json")]),
    "demo, classifier.json": (
        ["demo", "--base", "model", "--tuned", "fuzzed"], (), [CLASSIFIER.model_dump(mode="json")],
    ),
    "compare, predictions": (["compare", "FILE", "good.jsonl", "--taxonomy", "taxonomy.yaml"], TABLES, [PREDICTION]),
    "compare, taxonomy": (
        ["compare", "other.jsonl", "good.jsonl", "--taxonomy", "FILE"], ("yaml",), [TAXONOMY.model_dump()],
    ),
    "score, outputs": (["score", "FILE"], TABLES, [ROW, OUTPUTS, *OUTPUTS]),
    "score, labels": (["score", "FILE", "--answer", "label"], TABLES, [ROW, OUTPUTS, *OUTPUTS]),
    "score, questions": (["score", "outputs.json", "--questions", "FILE"], TABLES, [ROW]),
    "new, rows": (["new", "mine", "--rows", "FILE", "--questions", "questions.json"], TABLES, [ROWS, *ROWS[:2]]),
    "new, questions": (["new", "mine", "--rows", "rows.json", "--questions", "FILE"], TABLES, [QUESTIONS, *QUESTIONS]),
    "train, arguments": (["train", "FILE"], ("yaml",), [TRAINING]),
    "train, dataset_info.json": (["train", "train.yaml"], ("data/dataset_info.json",), [SETS]),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good file for each argument of the commands, which answer and train by stand-ins."""
    monkeypatch.chdir(tmp_path)
    for name in ("model", "tuned/model", "fuzzed/model", "data"):
        Path(name).mkdir(parents=True)
    for name in ("model", "tuned/model", "fuzzed/model"):
        Path(name, "config.json").write_text("{}")
    texts = {
        "tuned/classifier.json": CLASSIFIER.model_dump_json(),
        "good.jsonl": json.dumps(PREDICTION),
        "other.jsonl": json.dumps(PREDICTION | {"text": "B"}),
        "taxonomy.yaml": (RESOURCES / "taxonomy.yaml").read_text(),
        "outputs.json": json.dumps([{"id": "1", "text": "A", "gold": "A"}]),
        "questions.json": json.dumps(QUESTIONS),
        "rows.json": json.dumps(ROWS),
        "train.yaml": json.dumps(TRAINING),
        "data/dataset_info.json": json.dumps({"train": {}, "validation": {}}),
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    page = SimpleNamespace(block_thread=lambda: None)
    stand_ins = {
        "inference.classifier": {
            "load_classifier": lambda _: SimpleNamespace(settings=CLASSIFIER), "load_base": lambda *_: None,
            "classify_all": lambda _, texts: [
                {"question": text, "label": "billing", "probabilities": {"billing": 1.0}} for text in texts
            ],
        },
        "inference.demo": {"build_page": lambda *_: page, "serve": lambda *_: "http://127.0.0.1"},
        "training.trainer": {"train": lambda *_: None},
    }  # fmt: skip
    for name, functions in stand_ins.items():
        monkeypatch.setitem(sys.modules, f"finintent.{name}", SimpleNamespace(**functions))
    monkeypatch.setattr("finintent.cli._check_port", lambda _: None)
    monkeypatch.setattr("finintent.cli._forget_proxies", lambda: None)
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_any_file_gives_a_command_a_result_or_one_sentence(folder: Path, name: str):
    arguments, endings, examples = COMMANDS[name]
    ended = {0: 0, 1: 0}

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(content=contents(examples), ending=st.sampled_from(endings or ("",)))
    def call(content: bytes, ending: str) -> None:
        fuzzed = "fuzzed/classifier.json" if not endings else ending if "/" in ending else f"file.{ending}".rstrip(".")
        Path(fuzzed).write_bytes(content)
        result = CliRunner().invoke(app, [fuzzed if word == "FILE" else word for word in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        if result.exit_code:
            *_, sentence = result.stderr.rstrip("\n").split("\n")
            assert result.stdout == ""
            assert sentence.partition(":")[0] in {kind.__name__ for kind in FinintentError.__subclasses__()}
        ended[result.exit_code] += 1
        shutil.rmtree("resources", ignore_errors=True)
        Path("config/mine.yaml").unlink(missing_ok=True)

    call()
    print(f"{name}: {ended[0]} results, {ended[1]} sentences")


@pytest.mark.parametrize(
    "name", ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]
)
def test_any_file_of_a_model_gives_a_model_or_one_sentence(tmp_path: Path, name: str):
    """Some bytes are changed and the end is cut off: a number of layers as large as any would only fill the memory."""
    from finintent.inference.classifier import load_classifier

    (tmp_path / "classifier.json").write_text(CLASSIFIER.model_dump_json())
    path = write_tiny_model(tmp_path / "model") / name
    good = path.read_bytes()
    ended = {"model": 0, "sentence": 0}

    @settings(max_examples=EXAMPLES if "FUZZ_EXAMPLES" in os.environ else 8, deadline=None)
    @given(data=st.data())
    def load(data: st.DataObject) -> None:
        content = bytearray(good)
        for _ in range(data.draw(st.integers(0, 3))):
            content[data.draw(st.integers(0, min(len(content), 4000) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.sampled_from([len(content), 0, 1, len(content) // 2]))])
        try:
            load_classifier(tmp_path)
            ended["model"] += 1
        except FinintentError:
            ended["sentence"] += 1

    load()
    print(f"{name}: {ended}")
