"""Claude's answers through a server that speaks the API's protocol: faults, kills, money."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import anthropic
import httpx2
import pytest

from fake_claude import FAULT_HEADER, FakeClaude, Fault
from finintent.claude.client import Claude, make_client
from finintent.claude.prompts import Request
from finintent.claude.replies import read_queries
from finintent.claude.store import ResponseStore
from finintent.config.fetching import Fetching
from finintent.errors import ApiError
from finintent.files import digest
from generating import KEY, SETTINGS, assert_paid_once_and_kept, generate
from tiny import ROOT
from writer import PRICES, Writer

pytestmark = pytest.mark.usefixtures("quick")

# More kills, for the figure: their number goes into the size of the grid too.
KILLS = int(os.environ.get("FININTENT_KILLS", "1"))
TRANSPORT = [Fault.RATE_LIMIT, Fault.SERVER_ERROR, Fault.OVERLOADED, Fault.DROPPED]
CONTENT = [
    Fault.MALFORMED, Fault.REFUSAL, Fault.TRUNCATED, Fault.THINKING, Fault.FEWER, Fault.DUPLICATES,
    Fault.WRONG_LANGUAGE,
]  # fmt: skip
BATCH = [Fault.OUT_OF_ORDER, Fault.EXPIRED, Fault.ERRORED, Fault.CREATE_LOST, Fault.RESULTS_DROPPED]


@pytest.fixture
def unanswered_fifth(monkeypatch):
    """Let the client wait only a moment for a fifth of its requests, which the server never answers.

    A short time-out for all would also pass before good answers, which count as paid, where the machine is busy.
    """
    rng, send = random.Random(0), httpx2.HTTPTransport.handle_request

    def send_or_give_up(transport: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        if rng.random() < 0.2:
            request.headers[FAULT_HEADER] = Fault.SLOW
            request.extensions["timeout"] |= {"read": 0.1}
        return send(transport, request)

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", send_or_give_up)


@pytest.mark.usefixtures("unanswered_fifth")
def test_every_fault_at_a_fifth_loses_nothing_and_pays_nothing_twice(tmp_path):
    faults = dict.fromkeys(TRANSPORT + CONTENT, 0.2)
    with FakeClaude(Writer(), faults=faults, slow=SETTINGS["timeout_seconds"]) as server:
        record = generate(tmp_path, server, rows=120, personas=10, concurrency=30)
    store = assert_paid_once_and_kept(tmp_path, server)
    assert len(store.answers) >= 30
    assert set(server.faults) == {*faults, Fault.SLOW}
    assert set(record["faults"]) == {"malformed", "refusal", "max_tokens", "too_few", "wrong_language"}
    print(f"{len(store.answers)} answers, {len(server.requests)} tries, {server.faults.total()} faults")


def test_every_fault_of_batches_at_a_fifth_loses_nothing_and_pays_nothing_twice(tmp_path):
    faults = dict.fromkeys(BATCH + TRANSPORT + CONTENT, 0.2)
    with FakeClaude(Writer(), faults=faults) as server:
        for _ in range(20):  # an item that fails in three batches ends a run
            try:
                record = generate(tmp_path, server, rows=120, personas=10, mode="batches")
                break
            except ApiError as error:
                assert "a request failed in 3 batches" in str(error)  # noqa: PT017
    assert_paid_once_and_kept(tmp_path, server)
    assert set(server.faults) == set(faults)
    assert set(record["batches"]["failed_items"]) == {"expired", "errored"}


def test_batches_cost_half(tmp_path):
    costs = {}
    for mode in ("messages", "batches"):
        with FakeClaude(Writer()) as server:
            (tmp_path / mode).mkdir()
            costs[mode] = generate(tmp_path / mode, server, mode=mode)["cost_usd"]
    assert costs["batches"] == pytest.approx(costs["messages"] / 2)


def test_a_batch_under_way_is_collected_whatever_the_mode_and_the_prompt_are_now(tmp_path):
    with FakeClaude(Writer(), batch_polls=1) as server:
        with pytest.raises(ApiError, match=r"is not finished; run the same command later to collect it"):
            generate(tmp_path, server, mode="batches", batch_wait_minutes=0)
        generate(tmp_path, server, rows=48)
        assert len(server.batches) == 1
        assert len(server.requests) >= 6
    assert_paid_once_and_kept(tmp_path, server)


def test_batches_that_cannot_be_created_end_the_job_with_the_number_of_tries(tmp_path):
    def busy(kind: str, body: dict, number: int) -> set[Fault]:
        return {Fault.OVERLOADED} if kind == "create" else set()

    message = "no batch could be created in 3 tries; 0 answers are safe in"
    with FakeClaude(Writer(), faults=busy) as server, pytest.raises(ApiError, match=message):
        generate(tmp_path, server, mode="batches", max_retries=2)
    assert server.faults == {Fault.OVERLOADED: 3}
    assert not server.batches


def test_results_that_keep_breaking_off_are_named_and_collected_later(tmp_path):
    with FakeClaude(Writer(), faults={Fault.RESULTS_DROPPED: 1}) as server:
        message = r"results of batch \S+ (were interrupted|came).* in 1 tries; 0 answers are safe in"
        with pytest.raises(ApiError, match=message):
            generate(tmp_path, server, mode="batches", max_retries=0)
        generate(tmp_path, server)
        assert len(server.batches) == 1
    assert_paid_once_and_kept(tmp_path, server)


def test_somebody_elses_batch_of_the_same_size_does_no_harm(tmp_path, monkeypatch):
    def lose_the_first(kind: str, body: dict, number: int) -> set[Fault]:
        return {Fault.CREATE_LOST} if kind == "create" and number == 0 else set()

    with FakeClaude(Writer(), faults=lose_the_first) as server:
        original = Claude._batches_since

        def after_theirs(claude: Claude, earliest: object) -> list:
            if len(server.batches) == 1:
                body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}
                theirs = [{"custom_id": f"theirs-{number}", "params": body} for number in range(6)]
                claude.client.messages.batches.create(requests=theirs)
            return original(claude, earliest)

        monkeypatch.setattr(Claude, "_batches_since", after_theirs)
        monkeypatch.setattr(server, "_reply", lambda body: Writer()(body) if len(body) > 3 else {"queries": []})
        generate(tmp_path, server, mode="batches")
    store = ResponseStore(tmp_path / "responses.jsonl")
    assert len(server.batches) == 2
    assert [record["failures"] for record in store.records if record["type"] == "outcome"] == [{}, {}]
    assert len(store.answers) == 6


@pytest.mark.parametrize(
    ("status", "sentence"), [(401, r"answered 401.*; check the key in ANTHROPIC_API_KEY"), (400, "answered 400")]
)
def test_an_error_that_will_come_again_ends_the_job_at_once(tmp_path, monkeypatch, status: int, sentence: str):
    if status == 401:
        monkeypatch.setattr(anthropic.Anthropic, "_api_key_auth", {})
        monkeypatch.setattr(anthropic.Anthropic, "_validate_headers", lambda self, headers, omitted: None)
    else:
        monkeypatch.setattr(Claude, "_sent", lambda self, request: request.body | {"max_tokens": 0})
    # A delay, so that the job has the time to end before more than one further answer is there.
    with FakeClaude(Writer(), delay=0.5) as server, pytest.raises(ApiError, match=sentence):
        generate(tmp_path, server, concurrency=1)
    assert len(server.requests) <= 2  # of six: the next may be on its way


@pytest.mark.parametrize("key", ["sk-ant\nsk-ant", "sk ant", "sk-ant-\u200b", "密钥"])
def test_a_key_that_is_none_is_named_and_not_printed(monkeypatch, key: str):
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    with pytest.raises(ApiError, match="ANTHROPIC_API_KEY holds a space, a line break") as error:
        make_client(1, 0)
    assert key not in str(error.value)


def test_a_proxy_of_an_unknown_kind_is_one_sentence_without_its_password(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-x")
    monkeypatch.setenv("ALL_PROXY", "socks://me:secret@127.0.0.1:9/")
    with pytest.raises(ApiError, match=r"HTTPS_PROXY\) is of an unknown kind; write http:// or socks5://") as error:
        make_client(1, 0)
    assert "secret" not in str(error.value)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    make_client(1, 0)


MESSAGE = {
    "id": "m", "type": "message", "role": "assistant", "model": "claude-haiku-5-5", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": '{"queries": []}'}], "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip
PAGE = b"<!DOCTYPE html><html>Sign in</html>"
ERROR = json.dumps({"type": "error", "error": {"type": "api_error", "message": "no channel"}}).encode()


@contextmanager
def gateway(body: bytes) -> Iterator[str]:
    """Serve one body with status 200, whatever is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("mode", ["messages", "batches"])
@pytest.mark.parametrize(
    "body",
    [PAGE, b"", b"\xff\xfe\xff", ERROR, b"[]", b"null", *(
        json.dumps(MESSAGE | change).encode()
        for change in ({"usage": None}, {"stop_reason": None}, {"content": None}, {"content": "hello"})
    )],
)  # fmt: skip
def test_a_gateway_without_an_answer_is_named_and_nothing_is_stored(tmp_path, body: bytes, mode: str):
    with gateway(body) as url, pytest.raises(ApiError, match=r"127\.0\.0\.1:\d+, answered with status 200, but with"):
        generate(tmp_path, SimpleNamespace(url=url), mode=mode, max_retries=1)
    store = ResponseStore(tmp_path / "responses.jsonl")
    assert not store.answers
    assert {record["type"] for record in store.records} == ({"submission"} if mode == "batches" else set())
    with FakeClaude(Writer()) as server:  # the gateway works again
        generate(tmp_path, server, mode=mode)
    assert_paid_once_and_kept(tmp_path, server)


@pytest.mark.parametrize("mode", ["messages", "batches"])
@pytest.mark.parametrize("spelled", [True, False])  # in the JSON that the model writes, or in the message itself
def test_half_an_emoji_is_paid_once_and_replaced(tmp_path, mode: str, spelled: bool):
    def reply(body: dict) -> str:
        value = Writer()(body)
        value["queries"][0] += " \ud83d"
        return json.dumps(value, ensure_ascii=spelled)

    with FakeClaude(reply) as server:
        record = generate(tmp_path, server, mode=mode)
    assert record["faults"] == {}
    store = assert_paid_once_and_kept(tmp_path, server)
    for answer in store.answers.values():
        assert read_queries(answer["message"], 6, "en").rows[0].endswith(" \ufffd")


def test_a_long_shared_part_is_cached_and_a_short_one_is_not(tmp_path):
    def sent(system: str) -> dict:
        body = {
            "model": "claude-haiku-5-5", "max_tokens": 9, "system": [{"type": "text", "text": system}],
            "messages": [{"role": "user", "content": "x"}], "output_config": {},
        }  # fmt: skip
        return Claude(ResponseStore(tmp_path / "none"), PRICES, Fetching(**SETTINGS))._sent(Request(body, {}))

    assert sent("意" * 4000)["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in sent("意" * 3000)["system"][0]


def test_1200_candidates_keep_all_connections_busy_and_take_little_computing(tmp_path):
    meeting = threading.Barrier(10, timeout=60)  # no answer before ten requests have arrived

    def meet(body: dict) -> dict:
        meeting.wait()
        return Writer()(body)

    with FakeClaude(meet) as server:
        start = time.process_time()
        generate(tmp_path, server, rows=790, personas=20, queries=20, concurrency=10)
        seconds = time.process_time() - start
    print(f"{len(server.requests)} requests of 20 queries took {seconds:.1f} s of the processor, the server's included")
    assert len(server.requests) == 60  # six times ten
    assert server.max_concurrent == 10
    assert seconds <= 2


DRIVER = """
import json, runpy, sys
from datetime import timedelta
import finintent.claude.client
from writer import PLAN, RESOURCES, make_task
finintent.claude.client.LISTING_DELAY = timedelta(0)
folder, settings = sys.argv[1], json.loads(sys.argv[2])
runpy.run_path("workflow/scripts/generate_candidates.py")["main"](
    task=make_task(["Where is my parcel from Norway?"], train_rows=int(sys.argv[3]), validation_rows=30),
    prompt=f"{RESOURCES}/prompts/generation.yaml",
    prices="resources/prices.yaml",
    plan=PLAN | {"queries_per_request": 5, "max_rounds": 100},
    settings=settings | {"store": f"{folder}/responses.jsonl"},
    outputs={"candidates": f"{folder}/candidates.jsonl", "record": f"{folder}/record.json"},
)
"""


def start_job(folder: Path, server: FakeClaude, mode: str) -> subprocess.Popen:
    """Start the generating script in a process of its own."""
    folder.mkdir(exist_ok=True)
    settings = SETTINGS | {"mode": mode, "concurrency": 4}
    paths = os.pathsep.join(str(ROOT / part) for part in ("workflow/scripts", "tests"))
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), json.dumps(settings), str(30 * KILLS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url},
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("mode", ["messages", "batches"])
def test_a_killed_job_goes_on_where_it_was(tmp_path, mode: str):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with FakeClaude(Writer()) as server:
        assert start_job(whole, server, mode).wait() == 0
        grid = set(server.paid)
    rng = random.Random(KILLS)
    known: set[str] = set()
    asked_again = 0
    # So slow that the kills fall into the work: it has rounds of several waves, or batches to be waited for.
    with FakeClaude(Writer(), delay=0.3, batch_polls=5) as server:
        for _ in range(KILLS):
            process = start_job(killed, server, mode)
            received = len(server.requests), len(server.batches)
            while (len(server.requests), len(server.batches)) == received and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.5))
            process.kill()
            process.wait()
            asked_again += sum(digest(body) in known for body in server.requests[received[0] :])
            known = set(ResponseStore(killed / "responses.jsonl").answers)
        assert start_job(killed, server, mode).wait() == 0
        assert (killed / "candidates.jsonl").read_bytes() == (whole / "candidates.jsonl").read_bytes()
        assert set(server.paid) == grid
        assert asked_again == 0
    twice = sum(server.paid.values()) - len(grid)
    print(f"{mode}: {KILLS} kills, {len(grid)} requests in the grid, {twice} paid twice, {server.unclaimed} unclaimed")
    if mode == "batches":
        assert twice == 0
    else:  # answers that came in the instant of a kill: never more than were under way
        assert twice <= 4 * KILLS
