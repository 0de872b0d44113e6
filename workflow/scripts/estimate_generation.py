"""Print what generating each data set would still cost."""

import os
from collections.abc import Callable
from typing import Any

from finintent.claude import make_client
from finintent.estimate import estimate_generation, table
from finintent.files import parse, read_yaml
from finintent.generation import Task, read_task
from finintent.logs import logged
from finintent.prices import Prices, estimate_tokens
from finintent.requests import GenerationPrompt, Plan
from finintent.store import ResponseStore


def main(
    task: Task, prompt: str, prices: str, plan: dict[str, Any], store: str, say: Callable[[str], None] = print
) -> None:
    counted = bool(os.environ.get("ANTHROPIC_API_KEY"))
    known = read_yaml(prices, Prices)
    estimate = estimate_generation(
        task,
        read_yaml(prompt, GenerationPrompt),
        parse("generation settings", plan, Plan),
        ResponseStore(store),
        known,
        count_tokens if counted else lambda model, body: estimate_tokens(body),
    )
    say(table(task.dataset, estimate, counted=counted, prices=known))


def count_tokens(model: str, body: dict[str, Any]) -> int:
    counted = {key: value for key, value in body.items() if key != "max_tokens"} | {"model": model}
    return make_client(timeout_seconds=60, max_retries=5).messages.count_tokens(**counted).input_tokens


if "snakemake" in globals():
    with logged(snakemake.log[0]) as say:
        for index, (dataset, plan) in enumerate(snakemake.params.plans.items()):
            task = read_task(
                dataset,
                taxonomy=snakemake.input.taxonomy[index],
                personas=snakemake.input.personas[index],
                questions=snakemake.input.questions[index],
                curation=snakemake.params.curation[dataset],
            )
            block = snakemake.config["datasets"][dataset]["generation"]["anthropic"]
            main(task, snakemake.input.prompt[index], snakemake.input.prices, plan, block["store"], say)
