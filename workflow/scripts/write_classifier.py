"""Write the file that a merged model needs to be used on its own, by `finintent classify` and `finintent demo`."""

from finintent.config.answer_form import Answer
from finintent.files import read_json, read_jsonl
from finintent.inference.classifier_file import ClassifierFile, write_classifier
from finintent.logs import logged
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction

EXAMPLES = 5  # questions that the page offers


def main(
    *,
    metrics: str,
    validation: str,
    taxonomy: str,
    instruction: str,
    template: str | None,
    precision: str,
    answer: Answer,
    output: str,
) -> None:
    write_classifier(
        output,
        ClassifierFile(
            template=template,
            taxonomy=read_taxonomy(taxonomy),
            instruction=read_instruction(instruction),
            temperature=read_json(metrics)["calibration"]["temperature"] or 1,
            precision=precision,
            answer=answer,
            examples=tuple(row["query"] for row in read_jsonl(validation)[:EXAMPLES]),
        ),
    )


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            metrics=snakemake.input.metrics,
            validation=snakemake.input.validation,
            taxonomy=snakemake.input.taxonomy,
            instruction=snakemake.input.instruction,
            template=snakemake.params.template,
            precision=snakemake.params.precision,
            answer=snakemake.params.answer,
            output=snakemake.output[0],
        )
