import pytest

from finintent.data.candidates import candidates_from_responses, candidates_record
from finintent.errors import DataError
from finintent.files import write_jsonl


def test_a_response_without_its_request_is_named(tmp_path):
    path = tmp_path / "responses.jsonl"
    path.write_text('{"generator": "x"}\n')
    with pytest.raises(DataError, match=r"responses.jsonl, line 1: request is missing"):
        candidates_from_responses(path, "d")


def test_each_query_is_a_row_with_its_share_of_the_cost(tmp_path):
    request = {"dataset": "d", "persona": "p", "intent": "a", "count": 2}
    answers = [
        {
            "request": request,
            "generator": "m",
            "recorded": "2026-01-02",
            "response": {"queries": ["x", "y"]},
            "cost_usd": 1,
        },
        {"request": request | {"dataset": "e"}, "generator": "m", "recorded": "", "response": {"queries": ["z"]}},
        {
            "request": request | {"intent": "b"},
            "generator": "n",
            "recorded": "2026-01-01",
            "response": {"queries": [3]},
        },
    ]
    write_jsonl(tmp_path / "r.jsonl", answers)
    rows = candidates_from_responses(tmp_path / "r.jsonl", "d")
    assert [(row["query"], row["label"], row["cost_usd"]) for row in rows] == [
        ("x", "a", 0.5),
        ("y", "a", 0.5),
        (3, "b", None),
    ]
    assert len({row["id"] for row in rows}) == 3
    assert candidates_record("recorded", rows) == {
        "backend": "recorded", "origin": "written by m, n and recorded", "synthetic": True,
        "generators": {"m": 2, "n": 1}, "candidates": 3, "first_answer": "2026-01-01", "last_answer": "2026-01-02",
    }  # fmt: skip


RESPONSE = {
    "request": {"dataset": "d", "persona": "p", "intent": "a", "count": 2},
    "generator": "m",
    "recorded": "2026-01-02",
    "response": {"queries": ["x", "y"]},
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cost_usd": float("nan")}, "line 1: cost_usd"),
        ({"cost_usd": -1}, "line 1: cost_usd"),
        ({"generator": ""}, "line 1: generator"),
        ({"recorded": "yesterday"}, "line 1: recorded: .*found 'yesterday'"),
        ({"request": RESPONSE["request"] | {"count": 0}}, "line 1: request.count"),
        ({"response": {"queries": []}}, "the answers of the data set 'd' hold no queries"),
    ],
)
def test_a_wrong_response_is_named(tmp_path, changes: dict, message: str):
    write_jsonl(tmp_path / "r.jsonl", [RESPONSE | changes])
    with pytest.raises(DataError, match=message):
        candidates_from_responses(str(tmp_path / "r.jsonl"), "d")


def test_a_request_that_was_answered_twice_gives_rows_with_ids_of_their_own(tmp_path):
    write_jsonl(tmp_path / "r.jsonl", [RESPONSE, RESPONSE])
    assert len({row["id"] for row in candidates_from_responses(str(tmp_path / "r.jsonl"), "d")}) == 4
