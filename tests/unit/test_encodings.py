"""A data set's files, as Notepad and other editors of Windows save them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from finintent.claude.prices import Prices
from finintent.claude.prompts import GenerationPrompt
from finintent.data.candidates import candidates_from_responses
from finintent.data.curation import Personas
from finintent.files import read_yaml
from finintent.task.prediction import read_predictions
from finintent.task.questions import read_questions, read_texts
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import DATASET, ROOT

FOLDER = ROOT / "tests/datasets" / DATASET
TAXONOMY = read_taxonomy(FOLDER / "taxonomy.yaml")
PREDICTION = {"id": "0", "gold": "billing", "options": TAXONOMY.options, "log_probabilities": None, "text": "A"}
FILES: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "eval.json": ((FOLDER / "eval.json").read_bytes(), lambda path: read_questions(path, TAXONOMY, "Question:")),
    "recorded_responses.jsonl": (
        (FOLDER / "recorded_responses.jsonl").read_bytes(),
        lambda path: candidates_from_responses(str(path), DATASET),
    ),
    "taxonomy.yaml": ((FOLDER / "taxonomy.yaml").read_bytes(), read_taxonomy),
    "personas.yaml": ((FOLDER / "personas.yaml").read_bytes(), lambda path: read_yaml(path, Personas)),
    "instruction.yaml": ((FOLDER / "prompts/instruction.yaml").read_bytes(), read_instruction),
    "generation.yaml": (
        (FOLDER / "prompts/generation.yaml").read_bytes(),
        lambda path: read_yaml(path, GenerationPrompt),
    ),
    "prices.yaml": ((ROOT / "resources/prices.yaml").read_bytes(), lambda path: read_yaml(path, Prices)),
    "predictions.jsonl": (json.dumps(PREDICTION).encode(), lambda path: read_predictions(path, TAXONOMY.codes)),
    "texts.jsonl": (b'{"question": "x"}\n', read_texts),
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "crlf"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_before(tmp_path: Path, name: str, encoding: str):
    content, reader = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    before = reader(path)
    changed = content.replace(b"\n", b"\r\n") if encoding == "crlf" else content.decode().encode(encoding)
    path.write_bytes(changed)
    assert reader(path) == before
