"""A local server that speaks the Messages, token counting and Message Batches protocols, with faults on demand."""

import enum
import json
import random
import re
import select
import socket
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from finintent.files import digest

Json = dict[str, Any]
RUSSIAN = "Это предложение написано на другом языке."


class Fault(enum.StrEnum):
    """What can go wrong on the way, in an answer, and with a batch."""

    RATE_LIMIT = enum.auto()
    SERVER_ERROR = enum.auto()
    OVERLOADED = enum.auto()
    DROPPED = enum.auto()  # half of the answer, then the end of the connection
    SLOW = enum.auto()

    MALFORMED = enum.auto()  # half of the JSON text
    REFUSAL = enum.auto()
    TRUNCATED = enum.auto()  # half of the JSON text, at max_tokens
    THINKING = enum.auto()  # a good answer behind a thinking block
    FEWER = enum.auto()  # half of the rows
    DUPLICATES = enum.auto()  # every second row is the one before it
    WRONG_LANGUAGE = enum.auto()

    OUT_OF_ORDER = enum.auto()
    ERRORED = enum.auto()
    EXPIRED = enum.auto()
    CANCELED = enum.auto()
    CREATE_LOST = enum.auto()  # the batch exists, but its creator never hears of it
    RESULTS_DROPPED = enum.auto()  # the first download of a batch's results ends half-way


ERRORS = {
    Fault.RATE_LIMIT: (429, "rate_limit_error"),
    Fault.SERVER_ERROR: (500, "api_error"),
    Fault.OVERLOADED: (529, "overloaded_error"),
}
# The faults of one request, by its kind (message, count_tokens, create, list, retrieve, results, or item for one of a
# batch), its body, and how many of its kind came before; those that its kind cannot have are skipped.
Plan = Callable[[str, Json, int], set[Fault]]


FAULT_HEADER = "x-fault"


class RefusedError(Exception):
    """An answer in the API's format of errors."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status = status
        error = {"type": kind, "message": message}
        self.json = {"type": "error", "error": error, "request_id": f"req_{uuid.uuid4().hex}"}


@dataclass
class Batch:
    """A batch and its results, which are made when it is created."""

    requests: list[Json]
    results: list[Json]
    id: str = field(default_factory=lambda: f"msgbatch_{uuid.uuid4().hex}")
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    retrieved: int = 0
    downloaded: int = 0


class FakeClaude(ThreadingHTTPServer):
    """The server, and what it has seen; `with` starts and stops it.

    `reply` makes the answer to a Messages body, a text or a JSON payload, in several threads at once. `faults` gives
    each fault its probability, or is a `Plan`; a client asks for one more in the header FAULT_HEADER. `delay` is how
    many seconds each answer takes, `slow` how many more `Fault.SLOW` takes, unless the client leaves; for `batch_polls`
    retrieves, a batch is in progress.

    `requests` are the bodies of all Messages requests, `headers` those of the last request of any kind. `paid` counts
    answers by the digest of the body: a message when it is written to a client that is still there, an item of a batch
    when the batch is created, whether anyone collects it or not. `unclaimed` counts messages without a client left.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        reply: Callable[[Json], Json | str],
        faults: Mapping[Fault, float] | Plan | None = None,
        seed: int = 0,
        delay: float = 0.0,
        slow: float = 3.0,
        batch_polls: int = 1,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[Json] = []
        self.headers: Mapping[str, str] = {}
        self.paid: Counter[str] = Counter()
        self.unclaimed = 0
        self.faults: Counter[Fault] = Counter()
        self.batches: dict[str, Batch] = {}
        self.concurrent = self.max_concurrent = 0  # messages in handling
        self.lock = threading.Lock()
        self.connections: set[socket.socket] = set()
        self.delay, self.slow = delay, slow
        self._reply, self._batch_polls = reply, batch_polls
        self._random = random.Random(seed)
        self._plan = faults if callable(faults) else partial(self._by_chance, faults or {})
        self._drawn: Counter[str] = Counter()
        self._cached: set[str] = set()

    def __enter__(self) -> "FakeClaude":
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):  # a kept-alive connection would still be served
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that left is no news
            super().handle_error(request, client_address)

    def draw(self, kind: str, body: Json) -> set[Fault]:
        """Return the faults of a request."""
        with self.lock:
            self._drawn[kind] += 1
            return set(self._plan(kind, body, self._drawn[kind] - 1))

    def _by_chance(self, chances: Mapping[Fault, float], *_: Any) -> set[Fault]:
        return {fault for fault, chance in chances.items() if self._random.random() < chance}

    def hit(self, fault: Fault, drawn: set[Fault]) -> bool:
        """Whether a fault was drawn; one that was counts as injected."""
        with self.lock:
            self.faults += Counter({fault} & drawn)
        return fault in drawn

    # Messages

    def message(self, body: Json, drawn: set[Fault], tier: str = "standard") -> Json:
        """Return the Message that answers a body; RefusedError when the API would not take it."""
        problems = [f"{key}: Field required" for key in ("model", "max_tokens", "messages") if not body.get(key)]
        problems += [
            f"{key}: Extra inputs are not permitted" for key in ("temperature", "top_p", "top_k") if key in body
        ]
        if problems or body["messages"][-1]["role"] == "assistant":
            raise RefusedError(400, "invalid_request_error", (problems or ["messages: prefill is not supported"])[0])
        text, stop_reason, refusal = "", "refusal", {"type": "refusal", "category": None, "explanation": None}
        if not self.hit(Fault.REFUSAL, drawn):
            text, stop_reason = self._reply(body), "end_turn"
            if not isinstance(text, str):
                text = json.dumps(self._rows(text, drawn), ensure_ascii=False)
            if self.hit(Fault.TRUNCATED, drawn):
                text, stop_reason = text[: len(text) // 2], "max_tokens"
            elif self.hit(Fault.MALFORMED, drawn):
                text = text[: len(text) // 2]
        content = [{"type": "text", "text": text}] if text else []
        if self.hit(Fault.THINKING, drawn):
            content.insert(0, {"type": "thinking", "thinking": "First, what is asked for?", "signature": "c2lnbg=="})
        return {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "stop_details": refusal if stop_reason == "refusal" else None,
            "usage": self._usage(body, content, stop_reason) | {"service_tier": tier},
        }

    def _rows(self, payload: Json, drawn: set[Fault]) -> Json:
        """Return a payload with the faults of its first list."""
        key = next((key for key, value in payload.items() if isinstance(value, list)), None)
        rows = payload.get(key, [])
        if rows and self.hit(Fault.FEWER, drawn):
            rows = rows[: len(rows) // 2]
        if len(rows) > 1 and self.hit(Fault.DUPLICATES, drawn):
            rows = [rows[index - index % 2] for index in range(len(rows))]
        if any(isinstance(row, str) for row in rows) and self.hit(Fault.WRONG_LANGUAGE, drawn):
            rows = [RUSSIAN if isinstance(row, str) else row for row in rows]
        return {**payload, key: rows} if key else payload

    def _usage(self, body: Json, content: list[Json], stop_reason: str) -> Json:
        shared = [block for block in body.get("system", []) if "cache_control" in block]
        cached, prefix = tokens(shared) if shared else 0, digest([body["model"], shared])
        with self.lock:
            read = cached if prefix in self._cached else 0
            self._cached.add(prefix)
        written = body["max_tokens"] if stop_reason == "max_tokens" else min(tokens(content), body["max_tokens"])
        return {
            "input_tokens": input_tokens(body) - cached,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": cached - read,
            "output_tokens": written,
        }

    # Batches

    def create(self, body: Json, drawn: set[Fault]) -> Json:
        ids = [request["custom_id"] for request in body["requests"]]
        if not ids or len(set(ids)) < len(ids) or not all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", key) for key in ids):
            raise RefusedError(400, "invalid_request_error", "requests: each needs a valid custom_id of its own")
        results = [
            {"custom_id": item["custom_id"], "result": self._result(item["params"])} for item in body["requests"]
        ]
        batch = Batch(body["requests"], results)
        done = {line["custom_id"] for line in results if line["result"]["type"] == "succeeded"}
        with self.lock:
            self.batches[batch.id] = batch
            self.paid += Counter(digest(item["params"]) for item in body["requests"] if item["custom_id"] in done)
        return self._described(batch)

    def _result(self, params: Json) -> Json:
        drawn = self.draw("item", params)
        for fault in (Fault.EXPIRED, Fault.CANCELED):
            if self.hit(fault, drawn):
                return {"type": fault.value}
        try:
            if self.hit(Fault.ERRORED, drawn):
                raise RefusedError(500, "api_error", "Internal server error")
            return {"type": "succeeded", "message": self.message(params, drawn, tier="batch")}
        except RefusedError as error:
            return {"type": "errored", "error": error.json}

    def list_batches(self, query: dict[str, str], drawn: set[Fault]) -> Json:
        newest_first = list(self.batches)[::-1]
        start = newest_first.index(query["after_id"]) + 1 if "after_id" in query else 0
        end = start + int(query.get("limit", 20))
        page = newest_first[start:end]
        return {
            "data": [self._described(self.batches[key]) for key in page],
            "has_more": end < len(newest_first),
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }

    def retrieve(self, key: str, drawn: set[Fault]) -> Json:
        if key not in self.batches:
            raise RefusedError(404, "not_found_error", f"{key}: not found")
        self.batches[key].retrieved += 1
        return self._described(self.batches[key])

    def results(self, key: str, drawn: set[Fault]) -> list[Json]:
        batch = self.batches.get(key)
        if batch is None or not self._described(batch)["results_url"]:
            raise RefusedError(404, "not_found_error", f"{key}: no results")
        batch.downloaded += 1
        if batch.downloaded > 1:
            drawn.discard(Fault.RESULTS_DROPPED)
        shuffled = self.hit(Fault.OUT_OF_ORDER, drawn)
        return self._random.sample(batch.results, len(batch.results)) if shuffled else batch.results

    def _described(self, batch: Batch) -> Json:
        ended = batch.retrieved > self._batch_polls
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts | Counter(r["result"]["type"] if ended else "processing" for r in batch.results),
            "created_at": batch.created.isoformat(),
            "expires_at": (batch.created + timedelta(hours=24)).isoformat(),
            "ended_at": datetime.now(UTC).isoformat() if ended else None,
            "results_url": f"{self.url}/v1/messages/batches/{batch.id}/results" if ended else None,
        }


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: FakeClaude
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        data = self.rfile.read(length)
        if len(data) < length:  # the client left while it was writing
            raise ConnectionResetError
        self._serve(json.loads(data))

    def _serve(self, body: Json) -> None:
        server, url = self.server, urlsplit(self.path)
        match self.command, url.path.removeprefix("/v1/messages").split("/")[1:]:
            case "POST", []:
                kind, answer = "message", partial(server.message, body)
            case "POST", ["count_tokens"]:
                kind, answer = "count_tokens", lambda drawn: {"input_tokens": input_tokens(body)}
            case "POST", ["batches"]:
                kind, answer = "create", partial(server.create, body)
            case "GET", ["batches"]:
                kind, answer = "list", partial(server.list_batches, dict(parse_qsl(url.query)))
            case "GET", ["batches", key, "results"]:
                kind, answer = "results", partial(server.results, key)
            case _:  # any other path is no batch either
                kind, answer = "retrieve", partial(server.retrieve, url.path.rpartition("/")[2])
        messages = [body] if kind == "message" else []
        with server.lock:
            server.headers = self.headers
            server.requests += messages
            server.concurrent += len(messages)
            server.max_concurrent = max(server.max_concurrent, server.concurrent)
        drawn = server.draw(kind, body) | {Fault(name) for name in self.headers.get_all(FAULT_HEADER, [])}
        try:
            if "x-api-key" not in self.headers and "authorization" not in self.headers:  # the SDK sends the latter
                raise RefusedError(401, "authentication_error", "x-api-key or authorization header is required")
            for fault, (status, error_type) in ERRORS.items():
                if server.hit(fault, drawn):
                    raise RefusedError(status, error_type, fault.value)
            status, content = 200, answer(drawn)
        except RefusedError as error:
            status, content = error.status, error.json
        if seconds := server.delay + server.slow * server.hit(Fault.SLOW, drawn):
            select.select([self.connection], [], [], seconds)  # ends early when the client leaves
        with server.lock:
            server.concurrent -= len(messages)
        lost = status == 200 and kind == "create" and server.hit(Fault.CREATE_LOST, drawn)
        cut = status == 200 and kind == "results" and server.hit(Fault.RESULTS_DROPPED, drawn)
        share = 0 if lost else 0.5 if cut or server.hit(Fault.DROPPED, drawn) else 1
        self._send(status, content, share, messages if status == 200 and share == 1 else [])

    def _send(self, status: int, content: Json | list[Json], share: float, messages: list[Json]) -> None:
        """Write a share of an answer in one go, and count the messages that it pays."""
        lines = content if isinstance(content, list) else [content]
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        head = f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n"
        head += f"request-id: req_{uuid.uuid4().hex}\r\n"
        if status == 429 or status >= 500:  # the API sends it with 429; with the others it spares tests the waiting
            head += "retry-after: 0.05\r\n"
        self.close_connection |= share < 1
        paid = Counter(map(digest, messages))
        with self.server.lock:
            self.server.paid += paid  # before it is written, so that its reader finds it counted
        try:
            if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError
            self.wfile.write(head.encode() + b"\r\n" + data[: int(share * len(data))] if share else b"")
        except OSError:
            self.close_connection = True
            with self.server.lock:
                self.server.paid -= paid
                self.server.unclaimed += len(messages)


def tokens(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False)) // 4 + 1


def input_tokens(body: Json) -> int:
    return tokens([body.get(key) for key in ("system", "messages", "output_config")])
