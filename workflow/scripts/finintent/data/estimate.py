"""The cost of a generation, estimated before money is spent."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from finintent.claude.prices import Prices, estimate_tokens
from finintent.claude.prompts import GenerationPrompt, Request
from finintent.claude.records import Record
from finintent.claude.store import ResponseStore
from finintent.config.plan import Plan
from finintent.data.generation import Generator, Task

# Assumptions, used until stored answers give a measured value.
ACCEPTANCE = 0.9  # of the recorded answers of the default study, 91 % pass curation
TOKENS_PER_QUERY = 25  # a short question in JSON
TOKENS_OF_THOUGHT = 300  # per answer, at low effort
TOKENS_PER_LABEL = 15


class UnansweredError(Exception):
    """Requests that have no answer in the store."""

    def __init__(self, requests: list[Request]) -> None:
        self.requests = requests


class StoredAnswers:
    """Answers requests from a store alone."""

    def __init__(self, store: ResponseStore) -> None:
        self.store = store

    def ask(self, requests: list[Request]) -> dict[str, Record]:
        """Return the stored answers.

        Raises:
            UnansweredError: one is missing.
        """
        if missing := [request for request in requests if request.digest not in self.store.answers]:
            raise UnansweredError(missing)
        return {request.digest: self.store.answers[request.digest] for request in requests}


def estimate_generation(
    task: Task,
    prompt: GenerationPrompt,
    plan: Plan,
    store: ResponseStore,
    prices: Prices,
    count_tokens: Callable[[str, dict[str, Any]], int],
) -> dict[str, Any]:
    """Return the requests, tokens and US dollars that remain to be spent, by model and mode.

    The number of requests of the next wave is exact. That of later rounds is estimated from the share of queries that
    curation accepted so far, or from ACCEPTANCE.

    Args:
        task: the data set's resources.
        prompt: the templates of requests.
        plan: settings that decide the requests.
        store: stored answers.
        prices: of the models.
        count_tokens: function of a model's id and a body that returns the body's input tokens.
    """
    generator = Generator(task, prompt, plan, StoredAnswers(store))
    try:
        generator.run(log_level=logging.DEBUG)  # no request is sent now
        pending = []
    except UnansweredError as unanswered:
        pending = unanswered.requests
    accepted = generator.accepted()
    acceptance = len(accepted) / len(generator.candidates) if generator.candidates else ACCEPTANCE
    result = {
        "accepted": len(accepted),
        "stored": len(store.answers),
        "spent_usd": store.spent_usd,
        "acceptance": acceptance,
        "measured": bool(generator.candidates),
        "requests": len(pending),
        "later_requests": 0,
        "models": {},
    }
    if pending:
        later = _later_requests(generator, pending, acceptance)
        judged = _judge_requests(generator) if plan.judge else 0
        result["later_requests"] = later + judged
        largest = max((request.body for request in pending), key=estimate_tokens)
        inputs = sum(estimate_tokens(request.body) for request in pending)
        inputs += later * (estimate_tokens(largest) + plan.examples * TOKENS_PER_QUERY)
        outputs = sum(request.purpose["count"] * TOKENS_PER_QUERY + TOKENS_OF_THOUGHT for request in pending)
        outputs += later * (plan.queries_per_request * TOKENS_PER_QUERY + TOKENS_OF_THOUGHT)
        judging = {"input_tokens": 0, "output_tokens": 0}
        if plan.judge:
            rows = plan.judge.queries_per_request * judged
            judging["input_tokens"] = judged * estimate_tokens(largest) + rows * TOKENS_PER_QUERY
            judging["output_tokens"] = judged * TOKENS_OF_THOUGHT + rows * TOKENS_PER_LABEL
        for model in prices.models:
            scale = count_tokens(model, largest) / estimate_tokens(largest)
            usage = {"input_tokens": round(inputs * scale), "output_tokens": outputs}
            result["models"][model] = {key: usage[key] + judging[key] for key in usage} | {
                mode: prices.cost(model, usage, batch=mode == "batches")
                + (prices.cost(plan.judge.model, judging, batch=mode == "batches") if plan.judge else 0)
                for mode in ("messages", "batches")
            }
    return result


def _later_requests(generator: Generator, pending: list[Request], acceptance: float) -> int:
    """Return how many requests later rounds will make if curation keeps accepting that share of the queries."""
    asked: Counter[str] = Counter()
    for request in pending:
        if request.purpose["kind"] == "generate":
            asked[request.purpose["intent"]] += request.purpose["count"]
    missing = (rows - acceptance * asked[code] for code, rows in generator.lacking(generator.accepted()).items())
    return sum(generator.requests_for(rows, acceptance) for rows in missing if rows >= 1)


def _judge_requests(generator: Generator) -> int:
    wanted = generator.task.curation.train_rows + generator.task.curation.validation_rows
    return -(-wanted // generator.plan.judge.queries_per_request)


def table(dataset: str, estimate: dict[str, Any], *, counted: bool, prices: Prices) -> str:
    """Return an estimate as text for a terminal; `counted`: whether the API counted its input tokens."""
    lines = [
        f"{dataset}: {estimate['stored']} answers stored, {estimate['spent_usd']:.4f} US dollars spent, "
        f"{estimate['accepted']} rows accepted"
    ]
    if not estimate["requests"]:
        return lines[0] + "\nNo requests are left to send."
    basis = "measured so far" if estimate["measured"] else "assumed"
    lines += [
        f"To send: {estimate['requests']} requests now, about {estimate['later_requests']} later "
        f"({estimate['acceptance']:.0%} of queries accepted, {basis}).",
        f"Input tokens {'counted by the API' if counted else 'estimated; set ANTHROPIC_API_KEY to have them counted'}; "
        f"output tokens estimated; prices of {prices.date}.",
        f"{'model':<22}{'requests':>9}{'input tokens':>15}{'output tokens':>15}{'messages':>12}{'batches':>12}",
    ]
    requests = estimate["requests"] + estimate["later_requests"]
    for model, row in estimate["models"].items():
        dollars = "".join(f"{f'${row[mode]:.3f}':>12}" for mode in ("messages", "batches"))
        lines.append(f"{model:<22}{requests:>9}{row['input_tokens']:>15,}{row['output_tokens']:>15,}{dollars}")
    return "\n".join(lines)
