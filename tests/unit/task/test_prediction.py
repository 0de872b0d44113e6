"""A file of predictions is read as it was written, and its mistakes are named."""

import json
import math
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
        Prediction(
            **ROW
            | {
                "hard": True,
                "log_probabilities": {"a": 0.0, "b": -800.0},
                "permutations": (TURNED,),
                "prompt_tokens": 9,
            }
        ),
    ]
    write_predictions(tmp_path / "p.jsonl", rows)
    assert read_predictions(tmp_path / "p.jsonl", CODES) == rows
    for key in ("log_probabilities", "text"):
        without = [Prediction(**ROW | {"id": number, key: None}) for number in "12"]
        write_predictions(tmp_path / "w.jsonl", without)
        assert read_predictions(tmp_path / "w.jsonl", CODES) == without
    keys = [set(json.loads(line)) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert keys[1] - keys[0] == {"permutations", "prompt_tokens"}


def test_an_id_may_be_a_number(tmp_path: Path):
    assert [row.id for row in read(tmp_path / "p.jsonl", ROW | {"id": 0}, ROW | {"id": 1})] == ["0", "1"]


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
        ([{key: ROW[key] for key in ROW if key != "text"}], r"line 1: text is missing"),
        ([1], r"line 1: the whole file: "),
        (
            [ROW | {"log_probabilities": {"a": math.nan, "b": -1.0}}],
            r"line 1: log_probabilities: .*a has nan,",
        ),
        ([ROW | {"log_probabilities": {"a": -math.inf, "b": -1.0}}], r"a has -inf, expected the natural logarithm"),
        ([ROW | {"log_probabilities": {"a": 0.7, "b": 0.3}}], r"a has 0\.7, expected the natural logarithm"),
        ([ROW | {"log_probabilities": {"a": -0.1, "b": -0.2}}], r"the probabilities sum to 1\.72, expected 1 or less"),
        (
            [ROW | {"permutations": [{"options": ROW["options"], "log_probabilities": {"a": 1, "b": 1}}]}],
            r"a has 1\.0, ",
        ),
        (
            [ROW, ROW | {"id": "1", "log_probabilities": None}],
            r"line 2: log_probabilities is null, but not so in .*line 1",
        ),
        ([ROW | {"text": None}, ROW | {"id": "1"}], r"line 2: text is given, but not so in .*line 1; one scorer reads"),
        ([ROW | {"id": None}], r"line 1: id: .*found None"),
        ([ROW | {"id": ""}], r"line 1: id: .*found ''"),
        ([ROW | {"options": {"a": "a", "b": "b"}}], "options has the key 'a', expected a capital letter"),
        ([ROW | {"options": {"A": "a", "B": "b", "C": "a"}}], "options is .*expected each of the labels a, b once"),
        (
            [ROW | {"permutations": [{"options": ROW["options"], "log_probabilities": {"a": -1.0}}]}],
            "log_probabilities is {'a': -1.0}, expected each of the labels a, b",
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, rows: list, message: str):
    with pytest.raises(DataError, match=message):
        read(tmp_path / "p.jsonl", *rows)
