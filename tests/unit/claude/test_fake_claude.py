"""The fake server as Anthropic's own client sees it."""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx2
import pytest

from fake_claude import RUSSIAN, FakeClaude, Fault
from finintent.files import digest

ROWS = ["one", "two", "three", "four"]
BODY = {
    "model": "claude-haiku-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Four words, please."}],
}


def reply(body: dict[str, Any]) -> dict[str, Any]:
    return {"queries": ROWS}


def first(fault: Fault, kind: str) -> Any:
    """A plan with one fault at the first request of a kind."""
    return lambda asked, body, number: {fault} if (asked, number) == (kind, 0) else set()


def connect(server: FakeClaude, max_retries: int = 0, timeout: float = 60) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=max_retries, timeout=timeout)


def ask(server: FakeClaude, **changes: Any) -> anthropic.types.Message:
    return connect(server).messages.create(**BODY, **changes)


def items(count: int) -> list[Any]:
    return [{"custom_id": f"item-{number}", "params": {**BODY, "max_tokens": 100 + number}} for number in range(count)]


def test_a_good_answer_is_a_whole_message_and_is_paid():
    with FakeClaude(reply) as server:
        client = connect(server)
        one, other = client.messages.create(**BODY), client.messages.create(**BODY)
        assert json.loads(one.content[0].text) == {"queries": ROWS}
        assert (one.model, one.role, one.stop_reason) == (BODY["model"], "assistant", "end_turn")
        assert one.usage.input_tokens > 0
        assert 0 < one.usage.output_tokens <= 100
        assert one.id != other.id
        assert server.requests == [BODY, BODY]
        assert server.paid == {digest(BODY): 2}
        assert server.headers["authorization"] == "Bearer k"


def test_the_shared_part_is_written_to_the_cache_and_read_from_it():
    system = [{"type": "text", "text": "You write words. " * 50, "cache_control": {"type": "ephemeral"}}]
    with FakeClaude(reply) as server:
        first_usage, second_usage = (ask(server, system=system).usage for _ in range(2))
    assert first_usage.cache_creation_input_tokens == second_usage.cache_read_input_tokens > 100
    assert first_usage.cache_read_input_tokens == second_usage.cache_creation_input_tokens == 0


@pytest.mark.parametrize(
    ("fault", "rows"),
    [
        (Fault.FEWER, ROWS[:2]),
        (Fault.DUPLICATES, ["one", "one", "three", "three"]),
        (Fault.WRONG_LANGUAGE, [RUSSIAN] * 4),
        (Fault.THINKING, ROWS),
    ],
)
def test_rows_are_spoilt(fault: Fault, rows: list[str]):
    with FakeClaude(reply, {fault: 1}) as server:
        *thinking, text = ask(server).content
        assert json.loads(text.text) == {"queries": rows}
        assert [(block.type, bool(block.signature)) for block in thinking] == [("thinking", True)] * (
            fault == "thinking"
        )
        assert server.faults == {fault: 1}


@pytest.mark.parametrize(("fault", "stop"), [(Fault.MALFORMED, "end_turn"), (Fault.TRUNCATED, "max_tokens")])
def test_text_is_cut(fault: Fault, stop: str):
    with FakeClaude(reply, {fault: 1}) as server:
        message = ask(server)
    assert message.stop_reason == stop
    assert (message.usage.output_tokens == 100) == (stop == "max_tokens")
    with pytest.raises(json.JSONDecodeError):
        json.loads(message.content[0].text)


def test_a_refusal_has_details_and_no_text():
    with FakeClaude(reply, {Fault.REFUSAL: 1}) as server:
        message = ask(server)
    assert (message.stop_reason, message.stop_details.type, message.content) == ("refusal", "refusal", [])


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RATE_LIMIT, anthropic.RateLimitError),
        (Fault.SERVER_ERROR, anthropic.InternalServerError),
        (Fault.OVERLOADED, anthropic.OverloadedError),
        (Fault.DROPPED, anthropic.APIConnectionError),
        (Fault.SLOW, anthropic.APITimeoutError),
    ],
)
def test_a_request_that_failed_on_its_way_is_retried_and_paid_once(fault: Fault, error: type[Exception]):
    timeout = 3 if fault is Fault.SLOW else 60  # long enough for the good answer that follows
    with FakeClaude(reply, {fault: 1}, slow=60) as server, pytest.raises(error):
        connect(server, timeout=timeout).messages.create(**BODY)
    with FakeClaude(reply, first(fault, "message"), slow=60) as server:
        assert connect(server, max_retries=1, timeout=timeout).messages.create(**BODY).stop_reason == "end_turn"
        assert (server.faults, server.paid) == ({fault: 1}, {digest(BODY): 1})
        assert len(server.requests) == 2


def test_the_wait_that_the_server_asks_for_is_short():
    with FakeClaude(reply, {Fault.RATE_LIMIT: 1}) as server, pytest.raises(anthropic.RateLimitError) as limited:
        ask(server)
    assert 0 < float(limited.value.response.headers["retry-after"]) < 0.1  # the SDK takes 0 for none


def test_faults_come_as_often_as_asked_and_all_requests_succeed_in_the_end():
    bodies = [item["params"] for item in items(200)]
    with FakeClaude(reply, {Fault.RATE_LIMIT: 0.2, Fault.OVERLOADED: 0.2}, seed=1) as server:
        client = connect(server, max_retries=30)
        with ThreadPoolExecutor(8) as pool:
            messages = list(pool.map(lambda body: client.messages.create(**body), bodies))
        assert len({message.id for message in messages}) == 200
        assert server.paid == Counter(map(digest, bodies))
        assert len(server.requests) == 200 + server.faults.total()
        assert 0.15 < server.faults[Fault.RATE_LIMIT] / len(server.requests) < 0.25
        assert server.max_concurrent <= 8


def test_the_most_messages_at_once_are_counted():
    meeting = threading.Barrier(3, timeout=10)  # no answer before all three are there

    def meet(body: dict[str, Any]) -> dict[str, Any]:
        meeting.wait()
        return reply(body)

    with FakeClaude(meet) as server, ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: ask(server), range(6)))
        assert server.max_concurrent == 3


def test_a_client_that_left_does_not_pay():
    with FakeClaude(reply, delay=4) as server:
        with pytest.raises(anthropic.APITimeoutError):
            connect(server, timeout=0.3).messages.create(**BODY)
        deadline = time.monotonic() + 3  # less than the delay: it is noticed at once
        while not server.unclaimed and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (server.unclaimed, server.paid) == (1, {})


def test_an_answer_takes_a_few_milliseconds():
    with FakeClaude(reply) as server:
        client = connect(server)
        client.messages.create(**BODY)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            client.messages.create(**BODY)
            times.append(time.perf_counter() - start)
        assert server.max_concurrent == 1
        assert sorted(times)[10] < 0.02  # most of it is the client's; Nagle's algorithm would add 0.04


def test_tokens_are_counted():
    with FakeClaude(reply) as server:
        counted = connect(server).messages.count_tokens(model=BODY["model"], messages=BODY["messages"])
        assert counted.input_tokens == ask(server).usage.input_tokens


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"extra_headers": {"authorization": anthropic.Omit()}},
            anthropic.AuthenticationError,
            "x-api-key",
        ),
        ({"extra_body": {"temperature": 0.5}}, anthropic.BadRequestError, "temperature"),
        ({"extra_body": {"max_tokens": None}}, anthropic.BadRequestError, "max_tokens"),
        (
            {"extra_body": {"messages": [*BODY["messages"], {"role": "assistant", "content": "{"}]}},
            anthropic.BadRequestError,
            "prefill",
        ),
    ],
)
def test_a_bad_request_is_refused_in_the_format_of_the_api(changes: dict, error: type, message: str):
    with FakeClaude(reply) as server:
        with pytest.raises(error, match=message) as refused:
            ask(server, **changes)
        assert refused.value.type == refused.value.body["error"]["type"]
        assert refused.value.body["request_id"]
        assert (len(server.requests), server.paid) == (1, {})


def test_a_batch_ends_and_its_results_are_matched_by_id():
    with FakeClaude(reply, {Fault.OUT_OF_ORDER: 1}, seed=1, batch_polls=2) as server:
        batches = connect(server).messages.batches
        batch = batches.create(requests=items(9))
        assert (batch.processing_status, batch.request_counts.processing) == ("in_progress", 9)
        states = [batches.retrieve(batch.id).processing_status for _ in range(3)]
        assert states == ["in_progress", "in_progress", "ended"]
        assert batches.retrieve(batch.id).results_url.startswith(server.url)
        ids = [result.custom_id for result in batches.results(batch.id) if result.result.message.content[0].text]
        assert ids != sorted(ids) == [item["custom_id"] for item in items(9)]
        assert server.paid == Counter(digest(item["params"]) for item in items(9))


def test_items_end_badly():
    faults = [Fault.EXPIRED, Fault.CANCELED, Fault.ERRORED]
    plan = lambda kind, body, number: set(faults[number : number + 1]) if kind == "item" else set()  # noqa: E731
    with FakeClaude(reply, plan, batch_polls=0) as server:
        batches = connect(server).messages.batches
        five = items(5)
        five[4]["params"]["temperature"] = 0.5
        batch = batches.create(requests=five)
        types = [line.result.type for line in batches.results(batch.id)]
        assert types == ["expired", "canceled", "errored", "succeeded", "errored"]
        counts = batches.retrieve(batch.id).request_counts
        assert (counts.expired, counts.canceled, counts.errored, counts.succeeded, counts.processing) == (1, 1, 2, 1, 0)
        assert server.paid == {digest(five[3]["params"]): 1}


def test_ids_of_items_are_checked():
    with FakeClaude(reply) as server:
        for wrong in ("a b", "x" * 65, "item-1"):
            with pytest.raises(anthropic.BadRequestError, match="custom_id"):
                connect(server).messages.batches.create(requests=[*items(2), {"custom_id": wrong, "params": BODY}])
        assert not server.batches


def test_a_batch_whose_creation_was_lost_is_in_the_list_and_paid():
    with FakeClaude(reply, first(Fault.CREATE_LOST, "create")) as server:
        batches = connect(server).messages.batches
        with pytest.raises(anthropic.APIConnectionError):
            batches.create(requests=items(2))
        (found,) = batches.list()
        assert found.id in server.batches
        assert server.paid.total() == 2


def test_batches_are_listed_newest_first_in_pages():
    with FakeClaude(reply) as server:
        batches = connect(server).messages.batches
        created = [batches.create(requests=items(1)).id for _ in range(5)]
        assert [batch.id for batch in batches.list(limit=2)] == created[::-1]
        assert len(batches.list(limit=2).data) == 2


def test_results_that_break_off_come_whole_the_second_time():
    with FakeClaude(reply, {Fault.RESULTS_DROPPED: 1}, batch_polls=0) as server:
        batches = connect(server, max_retries=3).messages.batches
        batch = batches.create(requests=items(10))
        received = []
        with pytest.raises(httpx2.RemoteProtocolError):
            received.extend(batches.results(batch.id))
        assert 0 < len(received) < 10
        assert len(list(batches.results(batch.id))) == 10
        assert server.faults == {Fault.RESULTS_DROPPED: 1}


def test_a_stopped_server_serves_no_kept_connection():
    with FakeClaude(reply) as server:
        client = connect(server)
        client.messages.create(**BODY)
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**BODY)
