"""Let Claude answer the evaluation questions; every answer is stored first, and a stored one is not asked for again."""

from collections.abc import Callable
from typing import Any

from finintent.claude.answers import answer_predictions, answer_record, answer_requests
from finintent.claude.client import Claude, Settings
from finintent.claude.prices import Prices
from finintent.claude.prompts import AnswerPlan
from finintent.claude.store import ResponseStore
from finintent.files import parse, read_jsonl, read_yaml, write_json
from finintent.logs import logged
from finintent.task.prediction import write_predictions
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction


def main(
    questions: str,
    taxonomy: str,
    instruction: str,
    prices: str,
    model: str,
    plan: dict[str, Any],
    settings: dict[str, Any],
    outputs: dict[str, str],
    say: Callable[[str], None] = print,
) -> None:
    rows = read_jsonl(questions)
    requests = answer_requests(
        rows,
        read_taxonomy(taxonomy),
        read_instruction(instruction),
        model,
        parse("settings of evaluation.claude", plan, AnswerPlan),
    )
    with ResponseStore(settings["store"]) as store:
        known, fetching = read_yaml(prices, Prices), parse("settings of evaluation.claude", settings, Settings)
        answers = Claude(store, known, fetching, say).ask(requests)
    record = answer_record(requests, answers)
    write_predictions(outputs["predictions"], answer_predictions(rows, requests, answers))
    write_json(outputs["record"], record)
    say(f"{len(rows)} answers of {model} for {record['cost_usd']:.4f} US dollars")


if "snakemake" in globals():
    with logged(snakemake.log[0]) as say:
        main(
            snakemake.input.questions,
            snakemake.input.taxonomy,
            snakemake.input.instruction,
            snakemake.input.prices,
            snakemake.wildcards.claude,
            snakemake.params.plan,
            # From the configuration, not from a parameter: none of it changes an answer, so none makes a job stale.
            snakemake.config["datasets"][snakemake.wildcards.dataset]["evaluation"]["claude"],
            dict(snakemake.output.items()),
            say,
        )
