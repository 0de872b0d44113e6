"""Let Claude write candidates until curation has the rows that it wants; every answer is stored first."""

from typing import Any

from finintent.claude.client import Claude, Settings
from finintent.claude.prices import Prices
from finintent.claude.prompts import GenerationPrompt, Plan
from finintent.claude.store import ResponseStore
from finintent.data.generation import Generator, Task, generation_record, read_task
from finintent.files import parse, read_yaml, write_json, write_jsonl
from finintent.logs import logged, logger


def main(
    *,
    task: Task,
    prompt: str,
    prices: str,
    plan: dict[str, Any],
    settings: dict[str, Any],
    outputs: dict[str, str],
) -> None:
    with ResponseStore(settings["store"]) as store:
        claude = Claude(store, read_yaml(prices, Prices), parse("generation settings", settings, Settings))
        generator = Generator(
            task, read_yaml(prompt, GenerationPrompt), parse("generation settings", plan, Plan), claude
        )
        candidates = generator.run()
        record = generation_record(generator, store)
    write_jsonl(outputs["candidates"], candidates)
    write_json(outputs["record"], record)
    logger.info("%d candidates for %.4f US dollars", len(candidates), record["cost_usd"])


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        dataset = snakemake.wildcards.dataset
        main(
            task=read_task(
                dataset,
                taxonomy=snakemake.input.taxonomy,
                personas=snakemake.input.personas,
                questions=snakemake.input.questions,
                curation=snakemake.params.curation,
            ),
            prompt=snakemake.input.prompt,
            prices=snakemake.input.prices,
            plan=snakemake.params.plan,
            # From the configuration, not from a parameter: none of it changes an answer, so none makes a job stale.
            settings=snakemake.config["datasets"][dataset]["generation"]["anthropic"],
            outputs=dict(snakemake.output.items()),
        )
