"""The answers of a fine-tuned encoder."""

import math
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from finintent.inference.encoder import Encoder
from tiny import write_tiny_encoder

CODES = ["billing", "shipping", "account"]
QUESTIONS = [
    {"id": str(index), "question": text, "gold": "billing", "hard": False}
    | {"options": {"A": "shipping", "B": "account", "C": "billing"}}
    for index, text in enumerate(["where is it", "a", "my parcel is late and i want my money back now " * 3, "why?"])
]


@pytest.fixture(params=["bert", "xlm-roberta"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A tiny encoder with a random head that reads 20 tokens."""
    write_tiny_encoder(tmp_path / "encoder", request.param)
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "encoder", num_labels=3, id2label=dict(enumerate(CODES))
    )
    for parameter in model.classifier.parameters():
        torch.nn.init.normal_(parameter)
    model.save_pretrained(tmp_path / "head")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "encoder")
    tokenizer.model_max_length = 20
    tokenizer.save_pretrained(tmp_path / "head")
    return tmp_path / "head"


def test_each_question_gets_the_probabilities_of_a_plain_forward_pass(folder: Path):
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    answers = Encoder(folder).predict(QUESTIONS, batch_size=2)
    assert [answer.id for answer in answers] == ["0", "1", "2", "3"]
    for question, answer in zip(QUESTIONS, answers, strict=True):
        ids = tokenizer(question["question"], truncation=True, return_tensors="pt")
        with torch.inference_mode():
            expected = torch.log_softmax(model(**ids).logits[0], dim=-1).tolist()
        assert answer.log_probabilities == pytest.approx(dict(zip(CODES, expected, strict=True)), abs=1e-5)
        assert sum(map(math.exp, answer.log_probabilities.values())) == pytest.approx(1)
        assert answer.text is None
        assert answer.permutations == ()
        assert answer.prompt_tokens == ids["input_ids"].shape[1] <= 20
    assert answers[2].prompt_tokens == 20
