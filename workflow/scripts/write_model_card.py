"""Write beside a tuned model its card, and the file that `finintent classify` and `finintent demo` need."""

from pathlib import Path

from finintent.analysis.answers import read_answers
from finintent.config.answer_form import Answer
from finintent.files import read_json, read_jsonl
from finintent.inference.classifier_file import ClassifierFile, write_classifier
from finintent.logs import logged
from finintent.models.folder import OWN_FILE
from finintent.report.model_card import model_card
from finintent.task.system import System
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction

EXAMPLES = 5  # questions that the page of `finintent demo` offers


def main(
    *,
    tuned: System,
    model: Path,
    training: str,
    answers: tuple[str, str],
    metrics: tuple[str, str],
    quality: str,
    validation: str,
    taxonomy: str,
    instruction: str,
    template: str | None,
    precision: str,
    answer: Answer,
    dataset: str,
    seed: int,
    card: str,
    classifier: str,
) -> None:
    """Write both; `answers` and `metrics` are those of the base model and of the tuned one."""
    labels = read_taxonomy(taxonomy)
    measured = tuple(read_json(path) for path in metrics)
    text = model_card(
        (System(tuned.model, "base"), tuned),
        base=read_json(model / OWN_FILE)["source"],
        training=read_json(training),
        answers=tuple(read_answers(path) for path in answers),
        metrics=measured,
        rows=read_json(quality)["generation"],
        answer=answer,
        dataset=dataset,
        taxonomy=labels,
        seed=seed,
    )
    Path(card).write_text(text, encoding="utf-8")
    write_classifier(
        classifier,
        ClassifierFile(
            template=template,
            taxonomy=labels,
            instruction=read_instruction(instruction),
            temperature=measured[1]["calibration"]["temperature"] or 1,
            precision=precision,
            answer=answer,
            examples=tuple(row["query"] for row in read_jsonl(validation)[:EXAMPLES]),
        ),
    )


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        inputs, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
        main(
            tuned=System(wildcards.model, "tuned", wildcards.recipe, int(wildcards.rows), int(wildcards.seed)),
            model=Path(inputs.model),
            training=inputs.training,
            answers=(inputs.base_answers, inputs.tuned_answers),
            metrics=(inputs.base_metrics, inputs.tuned_metrics),
            quality=inputs.quality,
            validation=inputs.validation,
            taxonomy=inputs.taxonomy,
            instruction=inputs.instruction,
            template=params.template,
            precision=params.precision,
            answer=params.answer,
            dataset=wildcards.dataset,
            seed=params.seed,
            card=snakemake.output.card,
            classifier=snakemake.output.classifier,
        )
