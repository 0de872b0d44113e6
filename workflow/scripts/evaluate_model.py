"""Let a model answer the evaluation questions: one row of predictions a question."""

from typing import Any

from finintent.accelerator import exclusive_accelerator, use_every_core, uses_bf16
from finintent.files import read_jsonl, write_jsonl
from finintent.logs import logged
from finintent.prompting import Prompter
from finintent.scoring import load_model, predict
from finintent.task import read_instruction, read_taxonomy


def main(
    weights: str,
    template: str,
    questions: str,
    taxonomy: str,
    instruction: str,
    scoring: dict[str, Any],
    precision: str,
    output: str,
) -> None:
    prompter = Prompter(weights, template)
    use_every_core()
    with exclusive_accelerator():
        rows = predict(
            load_model(weights, bf16=uses_bf16(precision)),
            prompter,
            read_jsonl(questions),
            read_taxonomy(taxonomy),
            read_instruction(instruction),
            **scoring,
        )
    write_jsonl(output, rows)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            snakemake.input.weights,
            snakemake.params.template,
            snakemake.input.questions,
            snakemake.input.taxonomy,
            snakemake.input.instruction,
            snakemake.params.scoring,
            snakemake.params.precision,
            snakemake.output[0],
        )
