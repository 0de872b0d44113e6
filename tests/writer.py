"""A stand-in for the model behind the API: writes distinct nonsense queries, and labels those that it wrote."""

import random
import re
from pathlib import Path
from typing import Any

from finintent.claude.prices import Prices
from finintent.claude.prompts import GenerationPrompt
from finintent.config.plan import Plan
from finintent.data.generation import Task, read_task
from finintent.files import digest, read_yaml

RESOURCES = Path(__file__).parent / "datasets/support_topics"
PROMPT = read_yaml(RESOURCES / "prompts/generation.yaml", GenerationPrompt)
PRICES = read_yaml(RESOURCES.parents[2] / "resources/prices.yaml", Prices)
CURATION = {
    "train_rows": 24, "validation_rows": 9, "min_characters": 4, "max_characters": 60,
    "near_duplicate_threshold": 70, "decontamination_threshold": 55, "seed": 1,
}  # fmt: skip


PLAN = {
    "model": "claude-haiku-5-5", "effort": "low", "max_tokens": 1000, "queries_per_request": 6, "examples": 3,
    "max_rounds": 8, "max_faulty_replies": 2,
}  # fmt: skip


class Writer:
    """Answers a request's body with the JSON that it asks for; the same body always gets the same answer."""

    def __init__(self, wrong_every: int = 0) -> None:
        self.labels: dict[str, str] = {}
        self.wrong_every = wrong_every  # the judge's verdict on every so many queries is another label

    def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        text = body["messages"][0]["content"]
        if "labels" in body["output_config"]["format"]["schema"]["properties"]:
            queries = re.findall(r"^(\d+)\. (.+)$", text, re.MULTILINE)
            return {"labels": [{"number": int(number), "label": self._verdict(query)} for number, query in queries]}
        count, label = int(re.search(r"write (\d+) questions", text)[1]), re.search(r"Topic: \w+ \((\w+)\)", text)[1]
        rng = random.Random(digest(body))
        queries = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz ", k=rng.randint(20, 40))) for _ in range(count)]
        self.labels |= dict.fromkeys((query.strip() for query in queries), label)
        return {"queries": queries}

    def _verdict(self, query: str) -> str:
        label = self.labels[query.strip()]
        if self.wrong_every and int(digest(query)[:8], 16) % self.wrong_every == 0:
            return next(code for code in ("billing", "shipping", "account") if code != label)
        return label


def make_task(questions: list[str], **curation: int) -> Task:
    """Return the small support data set, to be kept away from some questions."""
    path = RESOURCES / "taxonomy.yaml"
    task = read_task(
        RESOURCES.name,
        taxonomy=str(path),
        personas=str(RESOURCES / "personas.yaml"),
        questions="/dev/null",
        curation=CURATION | curation,
    )
    return Task(task.dataset, task.taxonomy, task.personas, questions, task.curation)


def make_plan(**changes: Any) -> Plan:
    """Return a plan with the configuration's defaults."""
    return Plan(**PLAN | changes)
