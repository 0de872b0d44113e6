"""Candidates: one generated query a row, with the request that made it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from finintent.errors import DataError
from finintent.files import digest, parse, read_jsonl


class Request(BaseModel):
    """A request for `count` queries of one cell of the generation grid: a label and a persona."""

    model_config = ConfigDict(extra="forbid")
    dataset: str
    persona: str
    intent: str
    count: int = Field(ge=1)


class Queries(BaseModel):
    """The body of an answer. Curation checks its queries one by one, so any type is accepted here."""

    model_config = ConfigDict(extra="forbid")
    queries: list[Any]


class Response(BaseModel):
    """One stored answer of the generator."""

    model_config = ConfigDict(extra="forbid")
    request: Request
    generator: str = Field(min_length=1)
    recorded: str = Field(pattern=r"^(\d{4}-\d{2}-\d{2}|$)")
    response: Queries
    cost_usd: float | None = Field(None, ge=0, allow_inf_nan=False)


def origin(backend: str, generators: Iterable[str]) -> dict[str, Any]:
    """Return where rows of a backend come from, for the sentences of cards and reports, and whether a model wrote them.

    Args:
        backend: of the configuration's block `generation`.
        generators: the models, repositories or files that the rows are from.
    """
    names = ", ".join(generators)
    texts = {
        "recorded": f"written by {names} and recorded",
        "anthropic": f"written by {names} through Anthropic's API",
        "huggingface": f"taken from {names} on the Hugging Face Hub",
        "file": f"taken from the file {names}",
    }
    return {"origin": texts[backend], "synthetic": backend in ("recorded", "anthropic")}


def candidates_record(backend: str, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of some candidates: their number, who wrote them, and when (None if they do not contain it)."""
    dates = sorted(row["recorded"] for row in candidates if row["recorded"])
    generators = Counter(row["generator"] for row in candidates)
    return {
        "backend": backend,
        **origin(backend, generators),
        "generators": dict(generators),
        "candidates": len(candidates),
        "first_answer": dates[0] if dates else None,
        "last_answer": dates[-1] if dates else None,
    }


def candidates_from_responses(path: str, dataset: str) -> list[dict[str, Any]]:
    """Return the candidates of a file of stored answers, in its order.

    Args:
        path: file of one `Response` a line.
        dataset: the data set that the answers name; answers of other data sets are skipped.

    Returns:
        One dict a query: id, query, label, persona, request (digest), generator, recorded (date), and cost_usd, its
        share of the answer's cost (None where the answer was not billed by request).

    Raises:
        DataError: the file has no answer of the data set.
    """
    rows, others = [], set()
    numbers: Counter[str] = Counter()  # of the queries by request, which may have been answered more than once
    for number, line in enumerate(read_jsonl(path), start=1):
        response = parse(f"{path}, line {number}", line, Response)
        if response.request.dataset != dataset:
            others.add(response.request.dataset)
            continue
        queries = response.response.queries
        request = digest(response.request.model_dump())[:12]
        cost = None if response.cost_usd is None else response.cost_usd / max(len(queries), 1)
        rows += [
            {
                "id": f"{request}-{index:03d}",
                "query": query,
                "label": response.request.intent,
                "persona": response.request.persona,
                "request": request,
                "generator": response.generator,
                "recorded": response.recorded,
                "cost_usd": cost,
            }
            for index, query in enumerate(queries, numbers[request])
        ]
        numbers[request] += len(queries)
    if not rows and numbers:
        raise DataError(f"{path}: the answers of the data set {dataset!r} hold no queries; record others")
    if not rows:
        raise DataError(
            f"{path}: no answers of the data set {dataset!r}, only of {', '.join(sorted(others)) or 'none'}; name the "
            "one to use in generation.recorded.dataset"
        )
    return rows
