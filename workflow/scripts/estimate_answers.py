"""Print the remaining cost of Claude's answers to the evaluation questions."""

from typing import Any

from finintent.claude.answers import answer_requests, estimate_answers
from finintent.claude.prices import Prices
from finintent.claude.store import ResponseStore
from finintent.config.answer_form import Answer
from finintent.config.answers import AnswerPlan
from finintent.errors import ConfigError
from finintent.files import parse, read_jsonl, read_yaml
from finintent.logs import logged, logger
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
    store: str,
) -> None:
    requests = answer_requests(
        read_jsonl(questions),
        read_taxonomy(taxonomy),
        read_instruction(instruction),
        model=model,
        plan=parse("settings of evaluation.claude", plan, AnswerPlan),
        answer=answer,
    )
    estimate = estimate_answers(requests, ResponseStore(store), read_yaml(prices, Prices))
    logger.info(
        f"{model} on {questions}: {estimate['stored']} answers stored, {estimate['requests']} to request, about "
        f"{estimate['input_tokens']:,} input and {estimate['output_tokens']:,} output tokens: "
        f"${estimate['messages']:.3f}, in batches ${estimate['batches']:.3f}"
    )


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        if not snakemake.params.plans:
            raise ConfigError(
                "config: no data set of this study has the block evaluation.claude; add it to estimate its cost"
            )
        for index, (dataset, plan) in enumerate(snakemake.params.plans.items()):
            block = snakemake.config["datasets"][dataset]["evaluation"]["claude"]
            main(
                questions=snakemake.input.questions[index],
                taxonomy=snakemake.input.taxonomy[index],
                instruction=snakemake.input.instruction[index],
                prices=snakemake.input.prices,
                model=block["model"],
                plan=plan,
                answer=snakemake.params.answer,
                store=block["store"],
            )
