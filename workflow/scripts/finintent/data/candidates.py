"""Candidates: one generated query a row, with the request that made it."""

from collections import Counter
from typing import Any

from pydantic import BaseModel, ConfigDict

from finintent.errors import DataError
from finintent.files import digest, parse, read_jsonl


class Request(BaseModel):
    """One cell of the generation grid: so many queries of one label in the voice of one persona."""

    model_config = ConfigDict(extra="forbid")
    dataset: str
    persona: str
    intent: str
    count: int


class Queries(BaseModel):
    """The body of an answer. Its queries are judged by curation, one by one, so their type is left open here."""

    model_config = ConfigDict(extra="forbid")
    queries: list[Any]


class Response(BaseModel):
    """One stored answer of the generator."""

    model_config = ConfigDict(extra="forbid")
    request: Request
    generator: str
    recorded: str
    response: Queries
    cost_usd: float | None = None


def candidates_record(backend: str, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """Return who wrote candidates and when, as far as they tell."""
    dates = sorted(row["recorded"] for row in candidates if row["recorded"])
    return {
        "backend": backend,
        "generators": dict(Counter(row["generator"] for row in candidates)),
        "candidates": len(candidates),
        "first_answer": dates[0] if dates else None,
        "last_answer": dates[-1] if dates else None,
    }


def candidates_from_responses(path: str, dataset: str) -> list[dict[str, Any]]:
    """Return the candidates of a file of stored answers, in its order; answers of other data sets are passed over.

    A candidate: id, query, label, persona, request (digest), generator, recorded, and its share of the cost in
    US dollars (None where the answer was not billed by request). DataError when the file has none of the data set's.
    """
    rows, others = [], set()
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
            for index, query in enumerate(queries)
        ]
    if not rows:
        raise DataError(
            f"{path}: no answers of the data set {dataset!r}, only of {', '.join(sorted(others)) or 'none'}; name the "
            "one to take in generation.recorded.dataset"
        )
    return rows
