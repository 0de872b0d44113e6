"""Print the remaining cost of generating each data set."""

import os
from typing import Any

import anthropic

from finintent.claude.client import make_client
from finintent.claude.prices import Prices, estimate_tokens
from finintent.claude.prompts import GenerationPrompt
from finintent.claude.store import ResponseStore
from finintent.config.plan import Plan
from finintent.data.estimate import estimate_generation, table
from finintent.data.generation import Task, read_task
from finintent.errors import ConfigError
from finintent.files import parse, read_yaml
from finintent.logs import logged, logger


def main(*, task: Task, prompt: str, prices: str, plan: dict[str, Any], store: str) -> None:
    price_list = read_yaml(prices, Prices)
    counter = TokenCounter()
    estimate = estimate_generation(
        task,
        read_yaml(prompt, GenerationPrompt),
        parse("generation settings", plan, Plan),
        ResponseStore(store),
        price_list,
        counter.count,
    )
    logger.info(table(task.dataset, estimate, counted=counter.usable, prices=price_list))


class TokenCounter:
    """Counts tokens through the API while there is a key that it accepts, and estimates them otherwise."""

    def __init__(self) -> None:
        self.usable = bool(os.environ.get("ANTHROPIC_API_KEY", "").strip())

    def count(self, model: str, body: dict[str, Any]) -> int:
        """Return the number of input tokens of a body for a model."""
        if self.usable:
            counted = {key: value for key, value in body.items() if key != "max_tokens"} | {"model": model}
            try:
                return make_client(timeout_seconds=30, max_retries=2).messages.count_tokens(**counted).input_tokens
            except anthropic.APIError as error:
                logger.debug("tokens for %s could not be counted (%s)", model, type(error).__name__)
                self.usable = False
        return estimate_tokens(body)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        if not snakemake.params.plans:
            raise ConfigError(
                "config: no data set of this study has the block generation.anthropic; add it to estimate its cost"
            )
        for index, (dataset, plan) in enumerate(snakemake.params.plans.items()):
            task = read_task(
                dataset,
                taxonomy=snakemake.input.taxonomy[index],
                personas=snakemake.input.personas[index],
                questions=snakemake.input.questions[index],
                curation=snakemake.params.curation[dataset],
            )
            block = snakemake.config["datasets"][dataset]["generation"]["anthropic"]
            main(
                task=task,
                prompt=snakemake.input.prompt[index],
                prices=snakemake.input.prices,
                plan=plan,
                store=block["store"],
            )
