"""The estimated lengths of prompts, against those that tokenizers count."""

from pathlib import Path

import pytest

from finintent.files import write_jsonl
from finintent.training.prompt_lengths import QUESTIONS, Prompts, read_prompts, tokens
from tiny import DATASET, ROOT

BLOCK = {
    "resources": str(ROOT / "resources/intent_understanding"),
    "curation": {"validation_rows": 160, "max_characters": 60},
    "evaluation": {
        "source": "local",
        "path": str(ROOT / "resources/intent_understanding/eval.json"),
        "marker": "问句:",
    },
}


def whole(prompts: Prompts, form: str) -> float:
    return prompts.head + prompts.query + prompts.tail[form]


@pytest.mark.parametrize(("form", "gemma", "qwen"), [("letter", 106.6, 120.7), ("label", 98.6, 111.7)])
def test_the_default_prompts_are_near_those_of_two_tokenizers(form: str, gemma: float, qwen: float, tmp_path: Path):
    """Mean `prompt_tokens` of the predictions of a measured study."""
    found = whole(read_prompts("d", BLOCK, tmp_path), form)
    assert gemma < found < qwen


def test_questions_that_are_prepared_are_counted(tmp_path: Path):
    (tmp_path / "questions").mkdir()
    write_jsonl(tmp_path / "questions/d.jsonl", [{"question": "问" * 40}] * 3)
    prompts = read_prompts("d", BLOCK, tmp_path)
    assert prompts.questions == 3
    assert prompts.query == pytest.approx(28)
    assert prompts.validation == 160


def test_before_there_are_questions_a_typical_length_is_assumed(tmp_path: Path):
    block = BLOCK | {"evaluation": {"source": "openfindata", "task": "t", "marker": ""}}
    prompts = read_prompts("d", block, tmp_path)
    assert prompts.questions == QUESTIONS
    assert 8 <= prompts.query <= 15


def test_english_takes_a_token_a_word(tmp_path: Path):
    assert tokens("Where is my parcel?\n") == 6
    resources = ROOT / "tests/datasets" / DATASET
    block = {
        "resources": str(resources),
        "curation": BLOCK["curation"],
        "evaluation": {"source": "local", "path": str(resources / "eval.json"), "marker": "Question:"},
    }
    prompts = read_prompts("d", block, tmp_path)
    assert prompts.labels == 3
    assert 20 < prompts.row("letter") < 80
