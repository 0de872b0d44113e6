"""A file of predictions is read as it was written, and its mistakes are named."""

import json
from pathlib import Path

import pytest

from finintent.errors import DataError
from finintent.task.prediction import Order, Prediction, read_predictions, write_predictions

CODES = ("a", "b")
ROW = {
    "id": "0", "gold": "a", "options": {"A": "a", "B": "b"}, "log_probabilities": {"a": -0.1, "b": -3.0}, "text": "A",
}  # fmt: skip
TURNED = Order(options={"A": "b", "B": "a"}, log_probabilities={"a": -0.2, "b": -2.0})


def read(path: Path, *rows: object) -> list[Prediction]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_predictions(path, CODES)


def test_what_was_written_is_read(tmp_path: Path):
    rows = [
        Prediction(**ROW | {"id": "007", "question": "null"}),
        Prediction(**ROW | {"hard": True, "permutations": (TURNED,), "prompt_tokens": 9}),
        Prediction(**ROW | {"id": "1", "log_probabilities": None}),
        Prediction(**ROW | {"id": "2", "text": None}),
    ]
    write_predictions(tmp_path / "p.jsonl", rows)
    assert read_predictions(tmp_path / "p.jsonl", CODES) == rows
    keys = [set(json.loads(line)) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert keys[1] - keys[0] == {"permutations", "prompt_tokens"}


def test_a_prediction_of_a_question_takes_nothing_else_from_it():
    question = {"id": "0", "question": "q", "gold": "a", "hard": False, "options": ROW["options"], "persona": "p"}
    row = Prediction.of(question, log_probabilities=None, text="A", permutations=[TURNED.model_dump()])
    assert row == Prediction(**ROW | {"question": "q", "log_probabilities": None, "permutations": (TURNED,)})


def test_orders_begin_with_the_questions_own():
    row = Prediction(**ROW | {"permutations": (TURNED,)})
    assert row.orders == [ROW["log_probabilities"], TURNED.log_probabilities]
    with pytest.raises(DataError, match="question '0': no log_probabilities"):
        _ = Prediction(**ROW | {"log_probabilities": None}).orders


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"p\.jsonl: no predictions"),
        ([ROW, ROW], r"line 2: id '0' occurs twice"),
        ([ROW | {"gold": "c"}], r"line 1: gold is 'c', expected one of a, b"),
        ([ROW | {"options": {"A": "a", "B": "c"}}], r"line 1: options is .*expected each of the labels a, b"),
        ([ROW | {"log_probabilities": {"a": 0.0}}], r"line 1: log_probabilities is .*expected each of the labels"),
        ([ROW | {"log_probabilities": None, "text": None}], r"line 1: neither log_probabilities nor text"),
        ([ROW | {"options": {"A": "a"}}], r"line 1: options: "),
        ([{key: ROW[key] for key in ROW if key != "text"}], r"line 1: text: Field required"),
        ([1], r"line 1: the whole file: "),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, rows: list, message: str):
    with pytest.raises(DataError, match=message):
        read(tmp_path / "p.jsonl", *rows)
