"""Reading a reply of Claude: its rows, and its fault, if it has one."""

from dataclasses import dataclass, field
from typing import Any

import jiter

from finintent.files import without_half_pairs
from finintent.task.language import in_language

ENOUGH = 0.75  # share of the rows asked for; with fewer, the missing ones are asked for again
FAULTS = ("refusal", "max_tokens", "malformed", "wrong_language", "too_few")
CUT_OFF = ("max_tokens", "model_context_window_exceeded")


@dataclass(frozen=True)
class Reply:
    """A reply.

    Attributes:
        rows: its rows, also those of a faulty reply: they are paid.
        usable: how many of them can be used.
        fault: one of FAULTS, None if there is none.
    """

    rows: list[Any] = field(default_factory=list)
    usable: int = 0
    fault: str | None = None


def read_queries(message: dict[str, Any], count: int, language: str) -> Reply:
    """Return the queries of an answer to a request for `count` of them."""
    rows, fault = _read_list(message, "queries")
    queries = [row for row in rows if isinstance(row, str)]
    right = sum(in_language(query, language) for query in queries)
    if fault is None and right < ENOUGH * len(queries):
        fault = "wrong_language"
    if fault is None and right < ENOUGH * count:
        fault = "too_few"
    return Reply(queries, right, fault)


def read_labels(message: dict[str, Any], count: int, codes: list[str]) -> Reply:
    """Return (position, label code) of each query that an answer labels; its fault is `too_few` if some are missing."""
    rows, fault = _read_list(message, "labels")
    labels = {
        row["number"] - 1: row["label"]
        for row in rows
        if isinstance(row, dict) and row.get("label") in codes and _position(row.get("number"), count)
    }
    if fault is None and len(labels) < count:
        fault = "too_few"
    return Reply(list(labels.items()), len(labels), fault)


def _position(number: Any, count: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= count


def _read_list(message: dict[str, Any], key: str) -> tuple[list[Any], str | None]:
    """Return the list under `key` of a message's JSON, and the fault if it is empty or truncated."""
    if message["stop_reason"] == "refusal":
        return [], "refusal"
    cut_off = message["stop_reason"] in CUT_OFF
    # Thinking may come first.
    text = "".join(block["text"] for block in message["content"] if block["type"] == "text")
    try:
        value = jiter.from_json(
            without_half_pairs(text).encode(), partial_mode=cut_off
        )  # the complete rows before the cut
    except ValueError:
        value = None
    if not isinstance(value, dict) or not isinstance(value.get(key), list):
        return [], "max_tokens" if cut_off else "malformed"
    return value[key], "max_tokens" if cut_off else None
