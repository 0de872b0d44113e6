"""Let a model answer the evaluation questions and the validation rows: one prediction each."""

from functools import partial
from typing import Any

from finintent.accelerator import exclusive_accelerator, use_every_core, uses_bf16
from finintent.files import read_json, read_jsonl, write_jsonl
from finintent.logs import logged
from finintent.prompting import Prompter, draw_examples
from finintent.questions import validation_questions
from finintent.scoring import load_model, predict
from finintent.task import read_instruction, read_taxonomy


def main(
    weights: str,
    template: str | None,
    questions: str,
    validation: str,
    taxonomy: str,
    instruction: str,
    scoring: dict[str, Any],
    precision: str,
    seed: int,
    outputs: dict[str, str],
    examples: str | None = None,
    few_shot: int = 0,
) -> None:
    prompter = Prompter(weights, template)
    labels = read_taxonomy(taxonomy)
    turns = draw_examples(read_json(examples), list(labels.options), few_shot, seed) if examples else []
    use_every_core()
    with exclusive_accelerator():
        answer = partial(
            predict,
            load_model(weights, bf16=uses_bf16(precision)),
            prompter,
            taxonomy=labels,
            instruction=read_instruction(instruction),
            batch_size=scoring["batch_size"],
            seed=seed,
            examples=turns,
        )
        rows = answer(
            read_jsonl(questions), permutations=scoring["permutations"], max_new_tokens=scoring["max_new_tokens"]
        )
        write_jsonl(outputs["evaluation"], rows)
        write_jsonl(outputs["validation"], answer(validation_questions(read_jsonl(validation), labels)))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            snakemake.input.weights,
            snakemake.params.template,
            snakemake.input.questions,
            snakemake.input.validation,
            snakemake.input.taxonomy,
            snakemake.input.instruction,
            snakemake.params.scoring,
            snakemake.params.precision,
            snakemake.params.seed,
            {"evaluation": snakemake.output.evaluation, "validation": snakemake.output.validation},
            snakemake.input.get("examples"),
            snakemake.params.get("few_shot"),
        )
