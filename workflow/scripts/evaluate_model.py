"""Let a model answer the evaluation questions and the validation rows: one prediction for each."""

import time
from functools import partial
from typing import Any

from finintent.config.answer_form import Answer
from finintent.files import read_jsonl, write_json
from finintent.inference.compute import uses_bf16
from finintent.inference.likelihood import predict_within_memory
from finintent.inference.loading import load_model
from finintent.inference.packed import pack_weights
from finintent.inference.prompting import Prompter, draw_examples
from finintent.inference.warm_up import warming_up
from finintent.logs import logged
from finintent.machine.lock import exclusive_accelerator
from finintent.machine.meter import metered
from finintent.task.prediction import write_predictions
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction


def main(
    *,
    weights: str,
    template: str | None,
    questions: str,
    validation: str,
    taxonomy: str,
    instruction: str,
    answer: Answer,
    scoring: dict[str, Any],
    batch_size: int,
    precision: str,
    seed: int,
    outputs: dict[str, str],
    examples: str | None = None,
    few_shot: int = 0,
) -> None:
    prompter = Prompter(weights, template)
    labels, wording = read_taxonomy(taxonomy), read_instruction(instruction)
    turns = []
    if examples:
        turns = draw_examples(read_jsonl(examples), labels, wording, answer, per_label=few_shot, seed=seed)
    ask = partial(
        predict_within_memory, prompter=prompter, batch_size=batch_size, taxonomy=labels, instruction=wording,
        seed=seed, examples=turns, answer=answer,
    )  # fmt: skip
    evaluate = partial(
        ask, questions=read_jsonl(questions), permutations=scoring["permutations"],
        max_new_tokens=scoring["max_new_tokens"],
    )  # fmt: skip
    with exclusive_accelerator(), metered() as job:
        bf16 = uses_bf16(precision)
        with warming_up(weights, bf16, evaluate):
            model = pack_weights(load_model(weights, bf16=bf16))
        start = time.perf_counter()
        evaluated = evaluate(model)
        validated = ask(model, questions=read_jsonl(validation))
        seconds = time.perf_counter() - start
    write_predictions(outputs["evaluation"], evaluated)
    write_predictions(outputs["validation"], validated)
    # A row is one order of one question. Tokens that orders and questions share are read once, but counted each time.
    prompts = [row.prompt_tokens for row in [*evaluated, *validated] for _ in row.orders]
    rates = {"rows_per_second": len(prompts) / seconds, "tokens_per_second": sum(prompts) / seconds}
    write_json(outputs["record"], job | rates)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            weights=snakemake.input.weights,
            template=snakemake.params.template,
            questions=snakemake.input.questions,
            validation=snakemake.input.validation,
            taxonomy=snakemake.input.taxonomy,
            instruction=snakemake.input.instruction,
            answer=snakemake.params.answer,
            scoring=snakemake.params.scoring,
            batch_size=snakemake.config["scoring"]["batch_size"],  # not a parameter: a change makes nothing stale
            precision=snakemake.params.precision,
            seed=snakemake.params.seed,
            outputs=dict(snakemake.output.items()),
            examples=snakemake.input.get("examples"),
            few_shot=snakemake.params.get("few_shot"),
        )
