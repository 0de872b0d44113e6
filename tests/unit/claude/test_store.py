"""The store of paid answers."""

import json
import resource

import pytest

from finintent.claude.store import ResponseStore
from finintent.errors import ApiError, DataError


def answer(name: str, cost: float = 0.5) -> dict:
    return {"type": "answer", "digest": name, "message": {}, "cost_usd": cost}


def test_what_is_appended_is_there_for_the_next_process(tmp_path):
    path = tmp_path / "new/responses.jsonl"
    with ResponseStore(path) as store:
        store.append(answer("a"))
        store.append(answer("b"))
    again = ResponseStore(path)
    assert list(again.answers) == ["a", "b"]
    assert again.spent_usd == 1.0


def test_a_torn_line_is_dropped_and_the_next_record_stands_alone(tmp_path):
    path = tmp_path / "responses.jsonl"
    with ResponseStore(path) as store:
        store.append(answer("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + '{"type": "answer", "message": "没'.encode()[:-1])
    assert list(ResponseStore(path).answers) == ["a"]
    with ResponseStore(path) as store:
        store.append(answer("b"))
    assert [json.loads(line)["digest"] for line in path.read_text().splitlines()] == ["a", "b"]
    assert path.read_bytes().startswith(whole)


def test_a_line_broken_in_the_middle_is_named(tmp_path):
    path = tmp_path / "responses.jsonl"
    path.write_text('{"type": \n{"type": "batch"}\n')
    with pytest.raises(DataError, match=r"responses\.jsonl, line 1: not JSON"):
        ResponseStore(path)


def test_two_writers_are_kept_apart(tmp_path):
    path = tmp_path / "responses.jsonl"
    with (
        ResponseStore(path),
        pytest.raises(ApiError, match=r"another process is writing to this store"),
        ResponseStore(path),
    ):
        pass


def test_a_full_disk_leaves_the_store_whole(tmp_path):
    with ResponseStore(tmp_path / "store") as store:
        store.append({"type": "answer", "digest": "a", "cost_usd": 1})
        before = (tmp_path / "store").read_bytes()
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, hard))
        try:
            with pytest.raises(ApiError, match="could not be stored"):
                store.append({"type": "answer", "digest": "b" * 100, "cost_usd": 1})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert (tmp_path / "store").read_bytes() == before
    assert list(store.answers) == ["a"]
