"""Let Claude write candidates until curation has the rows that it wants; every answer is stored first."""

from collections.abc import Callable
from typing import Any

from finintent.claude.client import Claude, Settings
from finintent.claude.prices import Prices
from finintent.claude.prompts import GenerationPrompt, Plan
from finintent.claude.store import ResponseStore
from finintent.data.generation import Generator, Task, generation_record, read_task
from finintent.files import parse, read_yaml, write_json, write_jsonl
from finintent.logs import logged


def main(
    task: Task,
    prompt: str,
    prices: str,
    plan: dict[str, Any],
    settings: dict[str, Any],
    outputs: dict[str, str],
    say: Callable[[str], None] = print,
) -> None:
    with ResponseStore(settings["store"]) as store:
        claude = Claude(store, read_yaml(prices, Prices), parse("generation settings", settings, Settings), say)
        generator = Generator(
            task, read_yaml(prompt, GenerationPrompt), parse("generation settings", plan, Plan), claude
        )
        candidates = generator.run(say)
        record = generation_record(generator, store)
    write_jsonl(outputs["candidates"], candidates)
    write_json(outputs["record"], record)
    say(f"{len(candidates)} candidates for {record['cost_usd']:.4f} US dollars")


if "snakemake" in globals():
    with logged(snakemake.log[0]) as say:
        dataset = snakemake.wildcards.dataset
        main(
            read_task(
                dataset,
                taxonomy=snakemake.input.taxonomy,
                personas=snakemake.input.personas,
                questions=snakemake.input.questions,
                curation=snakemake.params.curation,
            ),
            snakemake.input.prompt,
            snakemake.input.prices,
            snakemake.params.plan,
            # From the configuration, not from a parameter: none of it changes an answer, so none makes a job stale.
            snakemake.config["datasets"][dataset]["generation"]["anthropic"],
            dict(snakemake.output.items()),
            say,
        )
