"""The store of paid answers."""

import errno
import json
import os
import resource

import pytest

from finintent.claude.store import ResponseStore
from finintent.errors import ApiError, DataError

MESSAGE = {
    "type": "message", "model": "claude-haiku-5-5", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "hello"}], "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


def answer(name: str, cost: float = 0.5, **message: object) -> dict:
    return {"type": "answer", "digest": name, "message": MESSAGE | message, "cost_usd": cost}


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


def test_a_whole_last_line_is_an_answer_whoever_took_its_end_away(tmp_path):
    path = tmp_path / "responses.jsonl"
    with ResponseStore(path) as store:
        store.append(answer("a"))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert list(ResponseStore(path).answers) == ["a"]
    with ResponseStore(path) as store:
        assert list(store.answers) == ["a"]
        store.append(answer("b"))
    assert [json.loads(line)["digest"] for line in path.read_text().splitlines()] == ["a", "b"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_store_that_notepad_saved_is_read(tmp_path, mark: bytes):
    path = tmp_path / "responses.jsonl"
    with ResponseStore(path) as store:
        store.append(answer("a"))
    path.write_bytes(mark + path.read_bytes().replace(b"\n", b"\r\n"))
    assert list(ResponseStore(path).answers) == ["a"]


def test_half_an_emoji_is_stored_as_a_replacement_character(tmp_path):
    path = tmp_path / "responses.jsonl"
    with ResponseStore(path) as store:
        store.append(answer("a", content=[{"type": "text", "text": "x \ud83d"}]))
        stored = store.answers["a"]
    assert stored["message"]["content"][0]["text"] == "x \ufffd"
    assert ResponseStore(path).answers["a"] == stored


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"type": "error", "error": {}}, "is no record of a store; delete the line"),
        ([], "is no record of a store"),
        (answer("a") | {"message": None}, "message: .*; delete the line, and what it held is asked for again"),
        (answer("a", usage=None), "message.usage: "),
        (answer("a", usage={"input_tokens": 1}), "message.usage.output_tokens is missing"),
        (answer("a", stop_reason=None), "message.stop_reason: "),
        (answer("a", content=None), "message.content: "),
        (answer("a", content="hello"), "message.content: "),
        (answer("a", content=[{"type": "text"}]), "message.content.0: .*lacks its text"),
        (answer("a", cost=float("nan")), "cost_usd: "),
        ({"type": "batch", "submission": "s", "batch": None}, "batch: "),
    ],
)
def test_what_is_no_record_is_neither_stored_nor_read(tmp_path, record: object, message: str):
    path = tmp_path / "responses.jsonl"
    with ResponseStore(path) as store:
        store.append(answer("a"))
        if isinstance(record, dict):
            with pytest.raises(DataError, match=message):
                store.append(record)
    with path.open("a") as file:
        stamped = record | {"time": "2026-01-01T00:00:00+00:00"} if isinstance(record, dict) else record
        file.write(json.dumps(stamped) + "\n")
    with pytest.raises(DataError, match=f"responses\\.jsonl, line 2: .*{message}"):
        ResponseStore(path)


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
        store.append(answer("a"))
        before = (tmp_path / "store").read_bytes()
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, hard))
        try:
            with pytest.raises(ApiError, match="could not be stored"):
                store.append(answer("b" * 100))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert (tmp_path / "store").read_bytes() == before
    assert list(store.answers) == ["a"]


def fill_disk(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let the first writes find a full disk, which takes half of them."""
    write, refusals = os.write, iter(range(times))

    def refuse(descriptor: int, data: bytes) -> int:
        if next(refusals, None) is None:
            return write(descriptor, data)
        write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.write", refuse)
    monkeypatch.setattr("finintent.claude.store.ROOM_POLL_SECONDS", 0.01)


def test_a_paid_answer_waits_for_room(tmp_path, monkeypatch, caplog):
    with ResponseStore(tmp_path / "store") as store:
        fill_disk(monkeypatch, times=3)
        store.append(answer("a"))
        store.append(answer("b"))
    assert list(ResponseStore(tmp_path / "store").answers) == ["a", "b"]
    assert caplog.text.count("store: the disk is full; make room there: a paid answer waits to be stored") == 1


def test_it_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("finintent.claude.store.ROOM_SECONDS", 0.05)
    with ResponseStore(tmp_path / "store") as store:
        fill_disk(monkeypatch, times=1000)
        with pytest.raises(ApiError, match=r"could not be stored \(No space left on device\); make room there"):
            store.append(answer("a"))
    assert (tmp_path / "store").read_bytes() == b""


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16-be"])
def test_no_answer_is_added_to_a_store_in_another_encoding(tmp_path, encoding: str):
    path = tmp_path / "responses.jsonl"
    text = "贵州茅台还能买吗，我想知道"
    record = answer("a", content=[{"type": "text", "text": text}]) | {"time": "2026-01-01T00:00:00+00:00"}
    line = ("\ufeff" if encoding == "utf-16-be" else "") + json.dumps(record, ensure_ascii=False) + "\n"
    path.write_bytes(line.encode(encoding))
    assert list(ResponseStore(path).answers) == ["a"]
    with pytest.raises(DataError, match="not UTF-8, in which answers are added"), ResponseStore(path):
        pass
    assert path.read_bytes() == line.encode(encoding)


def test_a_batch_whose_submission_is_lost_is_named(tmp_path):
    path = tmp_path / "responses.jsonl"
    path.write_text('{"type": "batch", "submission": "s", "batch": "b"}\n')
    with pytest.raises(DataError, match=r"line 1: a batch without the line of its submission 's' before it"):
        ResponseStore(path)


def test_a_record_without_a_time_that_can_be_read_is_named(tmp_path):
    path = tmp_path / "responses.jsonl"
    path.write_text(json.dumps(answer("a") | {"time": "soon"}) + "\n")
    with pytest.raises(DataError, match=r"line 1: time: .*found 'soon'"):
        ResponseStore(path)
