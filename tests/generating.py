"""A generation against a server that speaks the API's protocol, the store of paid answers included."""

import os
from pathlib import Path

from fake_claude import FakeClaude
from finintent.claude.client import Claude
from finintent.claude.store import ResponseStore
from finintent.config.fetching import Fetching
from finintent.data.generation import Generator, generation_record
from writer import PRICES, PROMPT, make_plan, make_task

KEY = "sk-ant-planted-0123456789"
SETTINGS = {
    "store": "", "mode": "messages", "concurrency": 8, "max_retries": 40, "timeout_seconds": 60, "max_cost_usd": 5,
    "batch_poll_seconds": 0.01, "batch_wait_minutes": 1,
}  # fmt: skip
QUESTIONS = ["Where is my parcel from Norway?"]


def generate(
    path: Path, server: FakeClaude, rows: int = 24, personas: int = 2, queries: int = 6, **settings: object
) -> dict:
    """Generate a set against a server, store and all; return its record."""
    os.environ["ANTHROPIC_BASE_URL"] = server.url
    task = make_task(QUESTIONS, train_rows=rows, validation_rows=rows // 2)
    task.personas.clear()
    task.personas.update({f"persona{number}": "terse" + "!" * number for number in range(personas)})
    with ResponseStore(path / "responses.jsonl") as store:
        claude = Claude(store, PRICES, Fetching(**SETTINGS | settings))
        plan = make_plan(max_rounds=40, max_faulty_replies=4, queries_per_request=queries)
        generator = Generator(task, PROMPT, plan, claude)
        generator.run()
        assert len(generator.accepted()) >= rows + rows // 2
        return generation_record(generator, store)


def assert_paid_once_and_kept(path: Path, server: FakeClaude) -> ResponseStore:
    store = ResponseStore(path / "responses.jsonl")
    assert set(server.paid) == set(store.answers)  # none lost
    assert set(server.paid.values()) == {1}  # none paid twice
    return store
