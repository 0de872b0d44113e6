"""The store of paid answers: one line a record, written to disk before the answer is used."""

import codecs
import errno
import json
import logging
import os
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from finintent.claude.records import Record, check_record
from finintent.errors import ApiError, DataError
from finintent.files import decode, numbered_jsonl, parse_json, read_bytes

logger = logging.getLogger(__name__)

ROOM_SECONDS = 3600  # that an answer waits for room on a full disk
ROOM_POLL_SECONDS = 1.0


class ResponseStore:
    """An append-only file of JSON lines, all of which are read when it is opened.

    The `type` of a record is one of: `answer` (a message and its request, found by the request's digest), `submission`
    (a batch about to be created), `unsubmitted` (a batch that was not created after all), `batch` (a batch created),
    `outcome` (a batch collected, with its items that failed).

    Use `with` to open it for writing.

    Raises:
        ApiError: another process has it open for writing, or an answer could not be stored.
        DataError: a line is no record; the message names it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._mutex = threading.Lock()
        self._lock = FileLock(f"{self.path}.lock")
        self._full = False  # whether the user has been told so
        self._load()

    def _load(self) -> None:
        self.answers: dict[str, Record] = {}
        self.records: list[Record] = []
        self._submissions: dict[str, Record] = {}
        self.spent_usd = 0.0  # cost of all answers, including a second one to the same request
        content = read_bytes(self.path) if self.path.exists() else b""
        self._whole = content.rfind(b"\n") + 1
        self._unended = _is_record(content[self._whole :])
        if self._unended:
            self._whole = len(content)
        text = decode(self.path, content[: self._whole])
        self._utf8 = text.encode() == content[: self._whole].removeprefix(codecs.BOM_UTF8)
        for where, record in numbered_jsonl(self.path, text):
            check_record(where, record)
            if record["type"] == "batch" and record["submission"] not in self._submissions:
                raise DataError(
                    f"{where}: a batch without the line of its submission {record['submission']!r} before it; restore "
                    "that line, or delete this one"
                )
            self._index(record)

    def __enter__(self) -> "ResponseStore":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ApiError(f"{self.path}: another process is writing to this store; wait for it to finish") from None
        self._load()
        if not self._utf8:
            raise DataError(f"{self.path}: not UTF-8, in which answers are added; save it as UTF-8")
        if self.path.exists():
            os.truncate(self.path, self._whole)  # so that the next record does not continue an unfinished line
            if self._unended:
                with self.path.open("ab") as file:
                    file.write(b"\n")
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    @property
    def open_batches(self) -> list[Record]:
        """The batches that were created and not yet collected."""
        collected = {record["batch"] for record in self.records if record["type"] == "outcome"}
        return [record for record in self.records if record["type"] == "batch" and record["batch"] not in collected]

    @property
    def unconfirmed_submissions(self) -> list[Record]:
        """The submissions without a known batch: the process or the connection ended before the API's answer."""
        settled = {record["submission"] for record in self.records if record["type"] in ("batch", "unsubmitted")}
        return [
            record for record in self.records if record["type"] == "submission" and record["submission"] not in settled
        ]

    def submission(self, name: str) -> Record:
        """Return the submission of that name."""
        return self._submissions[name]

    def append(self, record: Record) -> None:
        """Add a record, with the time; it is on disk when this returns."""
        record = {**record, "time": datetime.now(UTC).isoformat(timespec="seconds")}
        record = parse_json(f"{self.path}, a new record", json.dumps(record))  # without halves of surrogate pairs
        check_record(f"{self.path}, a new record", record)
        line = json.dumps(record, ensure_ascii=False) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            with self._mutex:
                self._write(descriptor, line.encode())  # after this, the record survives a crash of this process
                self._index(record)
            os.fsync(descriptor)  # after this, it survives a crash of the machine
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, line: bytes) -> None:
        """Write a line. While the disk is full, wait: an answer that is not stored is lost, and paid again."""
        deadline = time.monotonic() + ROOM_SECONDS
        end = os.fstat(descriptor).st_size
        while True:
            try:
                written = 0
                while written < len(line):  # a full disk can accept a part of it
                    written += os.write(descriptor, line[written:])
                return
            except OSError as error:
                os.truncate(descriptor, end)  # so that the next record does not continue half of this one
                if error.errno not in (errno.ENOSPC, errno.EDQUOT) or time.monotonic() > deadline:
                    raise ApiError(
                        f"{self.path}: an answer could not be stored ({error.strerror}); make room there"
                    ) from None
            if not self._full:
                logger.warning("%s: the disk is full; make room there: a paid answer waits to be stored", self.path)
            self._full = True
            time.sleep(ROOM_POLL_SECONDS)

    def _index(self, record: Record) -> None:
        if record["type"] == "answer":
            self.answers.setdefault(record["digest"], record)
            self.spent_usd += record["cost_usd"]
        else:
            self.records.append(record)
        if record["type"] == "submission":
            self._submissions[record["submission"]] = record


def _is_record(line: bytes) -> bool:
    """Return whether the end of a file is a record: an editor took its line end away, no crash left it unfinished."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def spending(answers: list[Record]) -> dict[str, Any]:
    """Return what stored answers used: number by model, tokens by kind, US dollars, time of the first and the last."""
    usage = [answer["message"]["usage"] for answer in answers]
    return {
        "generators": dict(Counter(answer["message"]["model"] for answer in answers)),
        "tokens": {
            "input": sum(entry["input_tokens"] for entry in usage),
            "output": sum(entry["output_tokens"] for entry in usage),
            "cache_read": sum(entry.get("cache_read_input_tokens") or 0 for entry in usage),
            "cache_written": sum(entry.get("cache_creation_input_tokens") or 0 for entry in usage),
        },
        "cost_usd": sum(answer["cost_usd"] for answer in answers),
        "first_answer": min(answer["time"] for answer in answers),
        "last_answer": max(answer["time"] for answer in answers),
    }
