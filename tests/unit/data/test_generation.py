"""The rounds of generation, with the model's answers made in memory."""

import json
from typing import Any

import pytest

from finintent.claude.prompts import Request
from finintent.data.curation import curate
from finintent.data.generation import Generator
from finintent.errors import TooFewRowsError
from writer import PROMPT, Writer, make_plan, make_task

QUESTIONS = ["Where is my parcel from Norway?"]


class Answers:
    """Answers at once; `replace` may put another message in the place of the good one."""

    def __init__(self, writer: Writer, replace: Any = None) -> None:
        self.writer, self.replace = writer, replace
        self.asked: list[Request] = []

    def ask(self, requests: list[Request]) -> dict[str, dict[str, Any]]:
        self.asked += requests
        return {request.digest: self._answer(request) for request in requests}

    def _answer(self, request: Request) -> dict[str, Any]:
        text = json.dumps(self.writer(request.body))
        message = {
            "model": request.body["model"],
            "content": [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": text}],
            "stop_reason": "end_turn",
        }
        if self.replace:
            message = self.replace(request, message)
        return {"digest": request.digest, "message": message, "time": "2026-11-23T00:00:00+00:00", "cost_usd": 0.01}


def generate(answers: Answers, questions: list[str] = QUESTIONS, **plan: Any) -> Generator:
    generator = Generator(make_task(questions), PROMPT, make_plan(**plan), answers)
    generator.run()
    return generator


def test_the_grid_asks_for_what_is_lacking_and_no_more():
    answers = Answers(Writer())
    generator = generate(answers)
    cells = {(request.purpose["intent"], request.purpose["persona"]): request.purpose for request in answers.asked}
    assert len(cells) == len(answers.asked) == 6
    assert [purpose["count"] for purpose in cells.values()] == [6] * 6  # 11 wanted a label
    assert len(generator.candidates) == 36
    curated = curate(
        generator.candidates, generator.task.taxonomy, ["terse", "polite"], QUESTIONS, generator.task.curation
    )
    assert (len(curated.train), len(curated.validation)) == (24, 9)


def test_every_candidate_names_its_request():
    answers = Answers(Writer())
    generator = generate(answers)
    digests = {request.digest[:12]: request for request in answers.asked}
    for row in generator.candidates:
        assert digests[row["request"]].purpose["intent"] == row["label"]
        assert digests[row["request"]].purpose["persona"] == row["persona"]
    assert sum(row["cost_usd"] for row in generator.candidates) == pytest.approx(0.06)


def test_only_labels_that_fall_short_are_topped_up_and_see_what_they_have():
    # Every query of one cell comes too near an evaluation question in the first round.
    def near(request: Request, message: dict) -> dict:
        purpose = request.purpose
        if (purpose["intent"], purpose["persona"], purpose["round"]) == ("billing", "polite", 1):
            queries = ", ".join(f'"Where is my parcel from Norway {index}"' for index in range(purpose["count"]))
            return message | {"content": [{"type": "text", "text": f'{{"queries": [{queries}]}}'}]}
        return message

    answers = Answers(Writer(), near)
    generator = generate(answers)
    second = [request for request in answers.asked if request.purpose["round"] == 2]
    # 5 lacking at half accepted: two requests of 6, the emptiest cell first.
    assert [request.purpose["persona"] for request in second] == ["polite", "terse"]
    assert {request.purpose["intent"] for request in second} == {"billing"}
    polite, terse = (request.body["messages"][0]["content"] for request in second)
    cell = ("billing", "terse")
    had = [row["query"].strip() for row in generator.candidates if (row["label"], row["persona"]) == cell]
    assert sum(f"- {query}" in terse for query in had[:6]) == 3
    assert "Norway" not in polite + terse  # what is near an evaluation question is shown to nobody


def test_a_smaller_set_asks_for_nothing_new_and_a_larger_one_goes_on():
    first, smaller, larger = (Answers(Writer()) for _ in range(3))
    generate(first)
    known = {request.digest for request in first.asked}
    for answers, rows in ((smaller, 9), (larger, 90)):
        Generator(make_task(QUESTIONS, train_rows=rows), PROMPT, make_plan(), answers).run()
    assert {request.digest for request in smaller.asked} <= known < {request.digest for request in larger.asked}


def test_a_target_out_of_reach_is_refused_before_anything_is_asked():
    answers = Answers(Writer())
    with pytest.raises(TooFewRowsError, match=r"a label needs 11 rows, but its cells can ask for 8 queries"):
        generate(answers, max_rounds=2, queries_per_request=2)
    assert not answers.asked


def test_a_second_run_asks_the_same_and_gets_the_same():
    first, second = (Answers(Writer()) for _ in range(2))
    assert generate(first).candidates == generate(second).candidates
    assert [request.body for request in first.asked] == [request.body for request in second.asked]


@pytest.mark.parametrize(
    ("fault", "replaced"),
    [
        ("refusal", {"stop_reason": "refusal", "content": []}),
        ("malformed", {"content": [{"type": "text", "text": '{"queries": ["a'}]}),
        ("max_tokens", {"stop_reason": "max_tokens", "content": [{"type": "text", "text": '{"queries": ["cut o'}]}),
        ("too_few", {"content": [{"type": "text", "text": '{"queries": ["only this one"]}'}]}),
        (
            "wrong_language",
            {"content": [{"type": "text", "text": '{"queries": ["где моя посылка", "верните деньги"]}'}]},
        ),
    ],
)
def test_a_faulty_reply_is_counted_and_asked_again_differently(fault: str, replaced: dict):
    def spoil(request: Request, message: dict) -> dict:
        return message | replaced if request.purpose["attempt"] == 0 else message

    answers = Answers(Writer(), spoil)
    generator = generate(answers)
    assert [reply.fault for _, reply in generator.replies[:6]] == [fault] * 6
    again = generator.replies[6:12]
    assert [reply.fault for _, reply in again] == [None] * 6
    for (before, _), (after, _) in zip(generator.replies[:6], again, strict=True):
        assert PROMPT.retry[fault].format(attempt=1) in after.body["messages"][0]["content"]
        assert after.body["max_tokens"] == before.body["max_tokens"] * (2 if fault == "max_tokens" else 1)
        assert after.purpose["count"] == before.purpose["count"] - (1 if fault == "too_few" else 0)


def test_a_reply_that_stays_faulty_is_asked_a_limited_number_of_times():
    answers = Answers(Writer(), lambda request, message: message | {"stop_reason": "refusal"})
    with pytest.raises(TooFewRowsError, match=r"after 2 rounds billing lacks 11, .*24 refusal"):
        generate(answers, max_rounds=2, max_faulty_replies=1)
    assert len(answers.asked) == 6 * 2 * 2
    assert len({request.digest for request in answers.asked}) == len(answers.asked)


def test_the_judge_sees_no_labels_and_its_disagreements_are_replaced():
    writer = Writer(wrong_every=4)
    answers = Answers(writer)
    generator = generate(answers, judge={"model": "claude-opus-5-5", "queries_per_request": 10})
    judging = [request for request in answers.asked if request.purpose["kind"] == "judge"]
    assert all("Topic:" not in request.body["messages"][0]["content"] for request in judging)
    assert {request.body["model"] for request in judging} == {"claude-opus-5-5"}
    judged = [row for row in generator.candidates if row["judged"]]
    wrong = [row for row in judged if row["judged"] != row["label"]]
    assert len(judged) == len(generator.candidates)
    assert 0 < len(wrong) == len(judged) - len(generator.accepted())
    assert len(generator.accepted()) >= 33
    # The order in which the judge sees them does not follow the labels.
    assert any(len({writer.labels[query] for query in numbered(request)}) > 1 for request in judging)


def numbered(request: Request) -> list[str]:
    lines = request.body["messages"][0]["content"].splitlines()
    return [line.split(". ", 1)[1].strip() for line in lines if line[0].isdigit()]


def test_a_changed_persona_asks_only_its_own_cells_again():
    first, second = Answers(Writer()), Answers(Writer())
    generate(first)
    task = make_task(QUESTIONS)
    task.personas["polite"] = "full sentences, with a greeting"
    Generator(task, PROMPT, make_plan(), second).run()
    known = {request.digest for request in first.asked}
    new = [request for request in second.asked if request.digest not in known]
    assert {request.purpose["persona"] for request in new} == {"polite"}
    assert len(new) == 3
