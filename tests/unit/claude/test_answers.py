"""Claude's answers to the evaluation questions, through a server that speaks the API's protocol."""

import json
from pathlib import Path

import pytest

from fake_claude import FakeClaude, Fault
from finintent.analysis.answers import answer_table, given_answers
from finintent.claude.answers import answer_predictions, answer_record, answer_requests, estimate_answers
from finintent.claude.client import Claude
from finintent.claude.prompts import Request
from finintent.claude.store import ResponseStore
from finintent.config.answers import AnswerPlan
from finintent.config.fetching import Fetching
from finintent.errors import ApiError, BudgetError, ConfigError
from finintent.task.questions import read_questions
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from writer import PRICES, RESOURCES

MODEL = "claude-haiku-5-5"
TAXONOMY = read_taxonomy(RESOURCES / "taxonomy.yaml")
INSTRUCTION = read_instruction(RESOURCES / "prompts/instruction.yaml")
QUESTIONS = read_questions(RESOURCES / "eval.json", TAXONOMY, "Question:")
PLAN = AnswerPlan(effort="low", max_tokens=100)
SETTINGS = {
    "store": "", "mode": "messages", "concurrency": 4, "max_retries": 40, "timeout_seconds": 60, "max_cost_usd": 5,
    "batch_poll_seconds": 0.01, "batch_wait_minutes": 1,
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-planted")
    monkeypatch.setattr("anthropic._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("anthropic._base_client.MAX_RETRY_DELAY", 0.05)


def gold(body: dict) -> str:
    """Return the right letter and its option, as a model writes them."""
    text = body["messages"][0]["content"]
    (question,) = (row for row in QUESTIONS if row["question"] in text)
    letter = next(letter for letter, code in question["options"].items() if code == question["gold"])
    return f"{letter}. {TAXONOMY.names[question['gold']]}"


def make_requests(questions: list[dict] = QUESTIONS, plan: AnswerPlan = PLAN) -> list[Request]:
    return answer_requests(questions, TAXONOMY, INSTRUCTION, model=MODEL, plan=plan, answer="letter")


def ask(path: Path, monkeypatch: pytest.MonkeyPatch, server: FakeClaude, requests: list[Request], **settings: object):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    with ResponseStore(path / "answers.jsonl") as store:
        return Claude(store, PRICES, Fetching(**SETTINGS | settings)).ask(requests)


def test_the_question_is_worded_as_for_every_other_model_and_nothing_is_added(tmp_path, monkeypatch):
    requests = make_requests()
    with FakeClaude(gold) as server:
        answers = ask(tmp_path, monkeypatch, server, requests)
    sent = {body["messages"][0]["content"] for body in server.requests}
    assert "Question: Has the van left the depot?\nA. Shipping\nB. Billing\nC. Account\nAnswer A, B or C." in sent
    for body in server.requests:
        assert body.keys() == {"model", "max_tokens", "messages", "output_config"}
        assert body["output_config"] == {"effort": "low"}
        assert [turn["role"] for turn in body["messages"]] == ["user"]
    rows = answer_predictions(QUESTIONS, requests, answers, "letter")
    assert [row.id for row in rows] == [question["id"] for question in QUESTIONS]
    assert rows[0].text == "A. Shipping"
    assert {row.log_probabilities for row in rows} == {None}
    assert given_answers(answer_table(rows, TAXONOMY.names), "greedy") == [question["gold"] for question in QUESTIONS]


def test_what_is_stored_is_asked_no_more_and_another_effort_is_another_request(tmp_path, monkeypatch):
    with FakeClaude(gold) as server:
        first = ask(tmp_path, monkeypatch, server, make_requests())
    monkeypatch.delenv("ANTHROPIC_API_KEY")  # nor is a key needed
    with FakeClaude(gold) as server:
        assert ask(tmp_path, monkeypatch, server, make_requests()) == first
        assert not server.requests
        with pytest.raises(ApiError, match=r"ANTHROPIC_API_KEY is not set.* or remove the block evaluation\.claude"):
            ask(tmp_path, monkeypatch, server, make_requests(plan=AnswerPlan(effort="high", max_tokens=100)))


def test_a_question_that_is_there_twice_is_paid_once_and_answered_twice(tmp_path, monkeypatch):
    questions = [QUESTIONS[0], QUESTIONS[1] | {"id": "x"}, QUESTIONS[0] | {"id": "twin"}]
    requests = make_requests(questions)
    with FakeClaude(gold) as server:
        answers = ask(tmp_path, monkeypatch, server, requests)
    assert sorted(server.paid.values()) == [1, 1]
    assert [row.id for row in answer_predictions(questions, requests, answers, "letter")] == ["0", "x", "twin"]
    record = answer_record(requests, answers)
    assert (record["questions"], record["stop_reasons"]) == (3, {"end_turn": 2})
    assert record["generators"] == {MODEL: 2}
    assert record["cost_usd"] == pytest.approx(ResponseStore(tmp_path / "answers.jsonl").spent_usd)
    assert record["cost_usd"] > 0


@pytest.mark.parametrize(
    ("fault", "text", "reason"),
    [
        (Fault.REFUSAL, "", "refusal"),
        (Fault.TRUNCATED, "The an", "max_tokens"),  # before the letter came
        (Fault.THINKING, "The answer: B", "end_turn"),
    ],
)
def test_what_came_is_kept_as_text_and_a_scorer_makes_of_it_what_it_can(tmp_path, monkeypatch, fault, text, reason):
    requests = make_requests(QUESTIONS[1:2])
    with FakeClaude(lambda body: "The answer: B", faults={fault: 1}) as server:
        answers = ask(tmp_path, monkeypatch, server, requests)
    (row,) = answer_predictions(QUESTIONS[1:2], requests, answers, "letter")
    assert row.text == text
    assert given_answers(answer_table([row], TAXONOMY.names), "greedy") == (
        ["billing"] if reason == "end_turn" else [None]
    )
    assert answer_record(requests, answers)["stop_reasons"] == {reason: 1}
    assert set(server.paid.values()) == {1}  # and not asked again


@pytest.mark.parametrize("mode", ["messages", "batches"])
def test_faults_on_the_way_lose_nothing_and_pay_nothing_twice(tmp_path, monkeypatch, mode: str):
    faults = dict.fromkeys([Fault.RATE_LIMIT, Fault.OVERLOADED, Fault.DROPPED, Fault.OUT_OF_ORDER], 0.3)
    requests = make_requests()
    with FakeClaude(gold, faults=faults) as server:
        answers = ask(tmp_path, monkeypatch, server, requests, mode=mode)
    assert server.faults
    assert set(server.paid.values()) == {1}
    rows = answer_predictions(QUESTIONS, requests, answers, "letter")
    assert given_answers(answer_table(rows, TAXONOMY.names), "greedy") == [question["gold"] for question in QUESTIONS]


def test_the_budget_is_never_passed(tmp_path, monkeypatch):
    worst = PRICES.worst_cost(make_requests()[0].body, batch=False)
    limit = 1.1 * worst
    with FakeClaude(gold) as server, pytest.raises(BudgetError, match="max_cost_usd is"):
        ask(tmp_path, monkeypatch, server, make_requests(), max_cost_usd=limit, concurrency=1)
    assert 0 < ResponseStore(tmp_path / "answers.jsonl").spent_usd <= limit


def test_the_estimate_counts_what_is_missing_and_learns_from_what_is_there(tmp_path, monkeypatch):
    path = tmp_path / "answers.jsonl"
    requests = make_requests()
    before = estimate_answers(requests, ResponseStore(path), PRICES)
    assert (before["stored"], before["requests"]) == (0, len(QUESTIONS))
    assert before["output_tokens"] == 200 * len(QUESTIONS)
    assert before["batches"] == pytest.approx(before["messages"] / 2)
    assert before["messages"] == pytest.approx((before["input_tokens"] * 0.1 + before["output_tokens"] * 0.5) / 1e6)
    with FakeClaude(gold) as server:
        ask(tmp_path, monkeypatch, server, requests[:2])
    after = estimate_answers(requests, ResponseStore(path), PRICES)
    assert (after["stored"], after["requests"]) == (2, len(QUESTIONS) - 2)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    output_tokens = [record["message"]["usage"]["output_tokens"] for record in records]
    assert after["output_tokens"] == round((len(QUESTIONS) - 2) * sum(output_tokens) / 2)


def test_a_model_without_a_price_is_named(tmp_path):
    requests = answer_requests(QUESTIONS, TAXONOMY, INSTRUCTION, model="claude-unknown", plan=PLAN, answer="letter")
    with pytest.raises(ConfigError, match="'claude-unknown' has no price"):
        estimate_answers(requests, ResponseStore(tmp_path / "none"), PRICES)
