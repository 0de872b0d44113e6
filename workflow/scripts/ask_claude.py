"""Let Claude answer the evaluation questions; every answer is stored first, and never requested again."""

from typing import Any

from finintent.claude.answers import answer_predictions, answer_record, answer_requests
from finintent.claude.client import Claude
from finintent.claude.prices import Prices
from finintent.claude.store import ResponseStore
from finintent.config.answer_form import Answer
from finintent.config.answers import AnswerPlan
from finintent.config.fetching import Fetching
from finintent.files import parse, read_jsonl, read_yaml, write_json
from finintent.logs import logged, logger
from finintent.task.prediction import write_predictions
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction


def main(
    *,
    questions: str,
    taxonomy: str,
    instruction: str,
    prices: str,
    model: str,
    plan: dict[str, Any],
    answer: Answer,
    settings: dict[str, Any],
    outputs: dict[str, str],
) -> None:
    rows = read_jsonl(questions)
    requests = answer_requests(
        rows,
        read_taxonomy(taxonomy),
        read_instruction(instruction),
        model=model,
        plan=parse("settings of evaluation.claude", plan, AnswerPlan),
        answer=answer,
    )
    with ResponseStore(settings["store"]) as store:
        price_list, fetching = read_yaml(prices, Prices), parse("settings of evaluation.claude", settings, Fetching)
        answers = Claude(store, price_list, fetching).ask(requests)
    record = answer_record(requests, answers)
    write_predictions(outputs["predictions"], answer_predictions(rows, requests, answers, answer))
    write_json(outputs["record"], record)
    logger.info("%d answers of %s for %.4f US dollars", len(rows), model, record["cost_usd"])


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        block = snakemake.config["datasets"][snakemake.wildcards.dataset]["evaluation"]["claude"]
        main(
            questions=snakemake.input.questions,
            taxonomy=snakemake.input.taxonomy,
            instruction=snakemake.input.instruction,
            prices=snakemake.input.prices,
            model=snakemake.wildcards.claude,
            plan=snakemake.params.plan,
            answer=snakemake.params.answer,
            # From the configuration, not a parameter: a change of it does not change answers, so no job becomes stale.
            settings={key: block[key] for key in Fetching.model_fields},
            outputs=dict(snakemake.output.items()),
        )
