"""Let Claude write candidates until curation has enough rows; every answer is stored first."""

from typing import Any

from finintent.claude.client import Claude
from finintent.claude.prices import Prices
from finintent.claude.prompts import GenerationPrompt
from finintent.claude.store import ResponseStore
from finintent.config.fetching import Fetching
from finintent.config.plan import Plan
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
        claude = Claude(store, read_yaml(prices, Prices), parse("generation settings", settings, Fetching))
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
        block = snakemake.config["datasets"][dataset]["generation"]["anthropic"]
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
            # From the configuration, not a parameter: a change of it does not change answers, so no job becomes stale.
            settings={key: block[key] for key in Fetching.model_fields},
            outputs=dict(snakemake.output.items()),
        )
