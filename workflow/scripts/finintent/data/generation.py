"""The grid of requests: label x persona x round, repeated until curation has enough rows."""

import logging
import math
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol

from finintent.claude.prompts import (
    QUERIES,
    GenerationPrompt,
    Request,
    judge_schema,
    judge_text,
    message_body,
    query_text,
)
from finintent.claude.records import Record
from finintent.claude.replies import Reply, read_labels, read_queries
from finintent.claude.store import ResponseStore, spending
from finintent.config.curation import SeededCuration
from finintent.config.plan import Judge, Plan
from finintent.data.candidates import origin
from finintent.data.curation import Personas, Row, accept, wanted_rows
from finintent.errors import TooFewRowsError
from finintent.files import digest, parse, read_jsonl, read_yaml
from finintent.task.taxonomy import Taxonomy, read_taxonomy

logger = logging.getLogger(__name__)

LOWEST_ACCEPTANCE = 0.2  # below it, a round does not grow further; more rounds follow instead

ADVICE = (
    "raise generation.anthropic.max_rounds, or lower curation.train_rows or curation.validation_rows: a smaller set "
    "needs no new requests"
)

Cell = tuple[str, str]  # label code, persona


class Asker(Protocol):
    """What answers requests: Claude, or a stand-in that only counts them."""

    def ask(self, requests: list[Request]) -> dict[str, Record]:
        """Return the answer to each request, by the request's digest."""
        ...


@dataclass(frozen=True)
class Task:
    """A data set's resources.

    Attributes:
        dataset: its id.
        taxonomy: the labels.
        personas: description of each persona, by id.
        questions: the evaluation questions that no row may be similar to.
        curation: settings of the block `curation`.
    """

    dataset: str
    taxonomy: Taxonomy
    personas: dict[str, str]
    questions: list[str]
    curation: SeededCuration


def read_task(dataset: str, *, taxonomy: str, personas: str, questions: str, curation: dict[str, Any]) -> Task:
    """Read a data set's resources and its evaluation questions (a questions.jsonl)."""
    return Task(
        dataset,
        read_taxonomy(taxonomy),
        read_yaml(personas, Personas).root,
        [question["question"] for question in read_jsonl(questions)],
        parse("curation settings", curation, SeededCuration),
    )


@dataclass(frozen=True)
class Order:
    """An order of queries for one cell.

    Attributes:
        cell: label code and persona.
        count: number of queries.
        attempt: number of the retry; 0 is the first request.
        fault: what was wrong with the reply before, None for a first request.
    """

    cell: Cell
    count: int
    attempt: int = 0
    fault: str | None = None


class Generator:
    """Runs the rounds.

    Its decisions depend on stored answers alone, so a second run sends the same requests and gets the same answers.
    A request depends on its cell and on the queries that the cell has, not on how many rows are needed. So a smaller
    set needs no new requests, and a larger one continues where the smaller one ended.
    """

    def __init__(self, task: Task, prompt: GenerationPrompt, plan: Plan, asker: Asker) -> None:
        self.task, self.prompt, self.plan, self.asker = task, prompt, plan, asker
        self.candidates: list[Row] = []
        self.replies: list[tuple[Request, Reply]] = []
        self.rounds: list[dict[str, int]] = []
        self._asked: Counter[Cell] = Counter()  # requests, retries aside

    def run(self, log_level: int = logging.INFO) -> list[Row]:
        """Return the candidates, and log each round.

        Raises:
            TooFewRowsError: rows are missing after the last round, or more are needed than all rounds can give.
        """
        self._check_reach()
        while orders := self.orders():
            if len(self.rounds) == self.plan.max_rounds:
                lacks = ", ".join(f"{code} lacks {rows}" for code, rows in self.lacking(self.accepted()).items())
                raise TooFewRowsError(f"after {self.plan.max_rounds} rounds {lacks}; {self._why()}; {ADVICE}")
            asked = sum(order.count for order in orders)
            logger.log(log_level, "round %d: %d queries in %d requests", len(self.rounds) + 1, asked, len(orders))
            received = self._fulfil(orders)
            self.candidates += received
            if self.plan.judge:
                self._judge(self.plan.judge)
            self.rounds.append({"requests": len(orders), "asked": asked, "received": len(received)})
        return self.candidates

    def _check_reach(self) -> None:
        most = self.plan.max_rounds * len(self.task.personas) * self.plan.queries_per_request
        wanted = max(sum(rows) for rows in wanted_rows(self.task.taxonomy.codes, self.task.curation).values())
        if wanted > most:
            raise TooFewRowsError(f"a label needs {wanted} rows, but its cells can ask for {most} queries; {ADVICE}")

    def _why(self) -> str:
        rejected = self._curate(self.candidates)[1]
        reasons = Counter(row["reason"] for row in rejected) + Counter(
            reply.fault for _, reply in self.replies if reply.fault
        )
        return "rejected were " + (", ".join(f"{count} {reason}" for reason, count in reasons.most_common(3)) or "none")

    def accepted(self) -> list[Row]:
        """Return the candidates that curation accepts so far."""
        return self._curate(self.candidates)[0]

    def _curate(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        task = self.task
        return accept(rows, task.taxonomy, list(task.personas), task.questions, task.curation)

    def lacking(self, accepted: list[Row]) -> dict[str, int]:
        """Return how many rows each label lacks; labels that have enough are left out."""
        have = Counter(row["label"] for row in accepted)
        wanted = {code: sum(rows) for code, rows in wanted_rows(self.task.taxonomy.codes, self.task.curation).items()}
        return {code: rows - have[code] for code, rows in wanted.items() if rows > have[code]}

    def orders(self) -> list[Order]:
        """Return the orders of the next round.

        The number of cells of a label follows from the rows that it lacks and the share of its queries that were
        accepted so far; cells with the fewest rows come first.
        """
        accepted = self.accepted()
        have = Counter((row["label"], row["persona"]) for row in accepted)
        orders = []
        for code, rows in self.lacking(accepted).items():
            cells = sorted(((code, persona) for persona in self.task.personas), key=lambda cell: have[cell])
            asked = sum(self._asked[cell] for cell in cells) * self.plan.queries_per_request
            acceptance = sum(have[cell] for cell in cells) / asked if asked else 1.0
            orders += [
                Order(cell, self.plan.queries_per_request) for cell in cells[: self.requests_for(rows, acceptance)]
            ]
        return orders

    def requests_for(self, rows: float, acceptance: float) -> int:
        """Return how many requests are needed for `rows` rows, when the share `acceptance` of queries is accepted."""
        return math.ceil(rows / (self.plan.queries_per_request * max(acceptance, LOWEST_ACCEPTANCE)))

    def _fulfil(self, orders: list[Order]) -> list[Row]:
        """Send the requests of all orders, again where a reply was faulty; return the candidates order by order."""
        received: dict[Cell, list[Row]] = {order.cell: [] for order in orders}
        for order in orders:
            self._asked[order.cell] += 1
        pending = orders
        while pending:
            requests = [self._request(order) for order in pending]
            answers = self.asker.ask(requests)
            again = []
            for order, request in zip(pending, requests, strict=True):
                answer = answers[request.digest]
                reply = read_queries(answer["message"], order.count, self.task.taxonomy.language)
                self.replies.append((request, reply))
                received[order.cell] += _candidates(order.cell, answer, reply.rows)
                missing = order.count - reply.usable
                if reply.fault and missing > 0 and order.attempt < self.plan.max_faulty_replies:
                    again.append(Order(order.cell, missing, order.attempt + 1, reply.fault))
            pending = again
        return [row for rows in received.values() for row in rows]

    def _request(self, order: Order) -> Request:
        code, persona = order.cell
        round_number = self._asked[order.cell]  # the cell's own, independent of other cells
        text = query_text(
            self.prompt,
            next(label for label in self.task.taxonomy.labels if label.code == code),
            self.task.personas[persona],
            round_number=round_number,
            count=order.count,
            examples=self._examples(order.cell),
            attempt=order.attempt,
            fault=order.fault,
        )
        purpose = {
            "kind": "generate", "dataset": self.task.dataset, "intent": code, "persona": persona,
            "round": round_number, "attempt": order.attempt, "count": order.count,
        }  # fmt: skip
        return Request(self._body(self.plan.model, self.prompt.system, text, QUERIES, order.fault), purpose)

    def _body(self, model: str, system: str, user: str, schema: dict[str, Any], fault: str | None) -> dict[str, Any]:
        return message_body(
            model=model,
            system=system.format(labels=self.prompt.labels(self.task.taxonomy)),
            user=user,
            schema=schema,
            effort=self.plan.effort,
            max_tokens=self.plan.max_tokens * (2 if fault == "max_tokens" else 1),
        )

    def _examples(self, cell: Cell) -> list[str]:
        """Return a sample of the cell's accepted queries, the same in every run.

        Curation is applied to the cell alone, so other cells do not change the sample. A query that curation rejects
        for its similarity to an evaluation question is not shown again.
        """
        own = [row for row in self.candidates if (row["label"], row["persona"]) == cell]
        accepted = self._curate(own)[0] if own else []
        queries = sorted(row["query"] for row in accepted)
        rng = random.Random(f"{cell} {self._asked[cell]}")
        return rng.sample(queries, min(self.plan.examples, len(queries)))

    def _judge(self, judge: Judge) -> None:
        """Let the judge label the accepted rows, without seeing their labels, until curation accepts no new ones."""
        while new := [row for row in self.accepted() if "judged" not in row]:
            new.sort(key=lambda row: digest(row["query"]))  # an order that does not reveal the labels
            size = judge.queries_per_request
            verdicts: dict[str, str | None] = {row["id"]: None for row in new}
            groups = [new[start : start + size] for start in range(0, len(new), size)]
            for attempt in range(self.plan.max_faulty_replies + 1):
                requests = [self._judge_request(judge, rows, attempt) for rows in groups]
                answers = self.asker.ask(requests)
                again = []
                for rows, request in zip(groups, requests, strict=True):
                    reply = read_labels(answers[request.digest]["message"], len(rows), self.task.taxonomy.codes)
                    self.replies.append((request, reply))
                    verdicts |= {rows[position]["id"]: code for position, code in reply.rows}
                    if open_rows := [row for row in rows if verdicts[row["id"]] is None]:
                        again.append(open_rows)
                groups = again
            for row in self.candidates:
                if row["id"] in verdicts:
                    row["judged"] = verdicts[row["id"]]

    def _judge_request(self, judge: Judge, rows: list[Row], attempt: int) -> Request:
        text = judge_text(self.prompt, [row["query"] for row in rows], attempt)
        purpose = {"kind": "judge", "dataset": self.task.dataset, "attempt": attempt, "count": len(rows)}
        schema = judge_schema(self.task.taxonomy.codes)
        return Request(self._body(judge.model, self.prompt.judge.system, text, schema, None), purpose)


def _candidates(cell: Cell, answer: Record, queries: list[str]) -> list[Row]:
    code, persona = cell
    request = answer["digest"][:12]
    return [
        {
            "id": f"{request}-{index:03d}",
            "query": query,
            "label": code,
            "persona": persona,
            "request": request,
            "generator": answer["message"]["model"],
            "recorded": answer["time"][:10],
            "cost_usd": answer["cost_usd"] / len(queries),
        }
        for index, query in enumerate(queries)
    ]


def generation_record(generator: Generator, store: ResponseStore) -> dict[str, Any]:
    """Return what a finished generation used: requests, faults, tokens, US dollars.

    `spent_usd` and `batches` are of the whole store, which may hold answers to earlier prompts. All other values are of
    the requests that this data set is made of.
    """
    answers = [store.answers[request.digest] for request, _ in generator.replies]
    outcomes = [record for record in store.records if record["type"] == "outcome"]
    failures = [reason for record in outcomes for reason in record["failures"].values()]
    spent = spending(answers)
    return {
        "backend": "anthropic",
        **origin("anthropic", spent["generators"]),
        "prompt_version": generator.prompt.version,
        "taxonomy_version": generator.task.taxonomy.version,
        "requests": dict(Counter(request.purpose["kind"] for request, _ in generator.replies)),
        "faults": dict(Counter(reply.fault for _, reply in generator.replies if reply.fault)),
        "rounds": generator.rounds,
        **spent,
        "spent_usd": store.spent_usd,
        "batches": {
            "collected": len(outcomes),
            "failed_items": dict(Counter(reason.split(":")[0] for reason in failures)),
        },
    }
