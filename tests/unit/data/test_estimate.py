"""What a generation will cost, before money is spent."""

from pathlib import Path

import pytest

from finintent.claude.prices import estimate_tokens
from finintent.claude.prompts import Request
from finintent.claude.store import ResponseStore
from finintent.data.estimate import StoredAnswers, UnansweredError, estimate_generation, table
from writer import PRICES, PROMPT, make_plan, make_task


def estimate(path: Path, rows: int = 24, **plan: object) -> dict:
    task = make_task(["Where is my parcel from Norway?"], train_rows=rows)
    store = ResponseStore(path / "responses.jsonl")
    return estimate_generation(
        task, PROMPT, make_plan(**plan), store, PRICES, lambda model, body: estimate_tokens(body)
    )


def test_stored_answers_name_the_requests_that_have_none(tmp_path: Path):
    known, other = (Request({"n": number}, {}) for number in (1, 2))
    with ResponseStore(tmp_path / "responses.jsonl") as store:
        message = {"model": "m", "content": [], "stop_reason": "end_turn"}
        message["usage"] = {"input_tokens": 1, "output_tokens": 1}
        store.append({"type": "answer", "digest": known.digest, "message": message, "cost_usd": 0})
        answers = StoredAnswers(store)
        assert answers.ask([known]) == {known.digest: store.answers[known.digest]}
        with pytest.raises(UnansweredError) as error:
            answers.ask([known, other])
    assert error.value.requests == [other]


def test_an_empty_store_needs_the_first_round_and_what_it_will_lack(tmp_path: Path):
    # 3 labels x 2 personas x 6 queries, of which 9 in 10 count: 10.8 of the 11 rows a label.
    small = estimate(tmp_path)
    assert (small["requests"], small["later_requests"], small["measured"]) == (6, 0, False)
    assert estimate(tmp_path, rows=90)["later_requests"] > 0
    for model, row in small["models"].items():
        usage = {key: row[key] for key in ("input_tokens", "output_tokens")}
        assert usage["output_tokens"] == 6 * (6 * 25 + 300)
        assert row["messages"] == pytest.approx(PRICES.cost(model, usage, batch=False))
        assert row["batches"] == pytest.approx(row["messages"] / 2)


def test_the_judges_requests_are_counted_and_paid(tmp_path: Path):
    judge = {"model": "claude-opus-5-5", "queries_per_request": 10}
    plain, judged = estimate(tmp_path), estimate(tmp_path, judge=judge)
    assert judged["later_requests"] == plain["later_requests"] + 4  # 33 rows, 10 a request
    assert all(row["messages"] > plain["models"][model]["messages"] for model, row in judged["models"].items())


def test_the_table_has_a_line_a_model(tmp_path: Path):
    found = estimate(tmp_path)
    text = table("d", found, counted=False, prices=PRICES)
    assert "d: 0 answers stored, 0.0000 US dollars spent, 0 rows accepted" in text
    assert "To send: 6 requests now, about 0 later (90% of queries accepted, assumed)." in text
    assert all(f"\n{model} " in text for model in PRICES.models)
    assert table("d", found | {"requests": 0}, counted=False, prices=PRICES).endswith("No requests are left to send.")
