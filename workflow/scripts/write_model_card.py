"""Write the card of a tuned model beside it."""

from pathlib import Path

from finintent.analysis.answers import read_answers
from finintent.config.answer_form import Answer
from finintent.files import read_json
from finintent.logs import logged
from finintent.models.folder import OWN_FILE
from finintent.report.model_card import model_card
from finintent.task.system import System
from finintent.task.taxonomy import read_taxonomy


def main(
    *,
    tuned: System,
    model: Path,
    training: str,
    answers: tuple[str, str],
    metrics: tuple[str, str],
    quality: str,
    taxonomy: str,
    answer: Answer,
    dataset: str,
    seed: int,
    output: str,
) -> None:
    """Write the card; `answers` and `metrics` are those of the base model and of the tuned one."""
    card = model_card(
        (System(tuned.model, "base"), tuned),
        base=read_json(model / OWN_FILE)["source"],
        training=read_json(training),
        answers=tuple(read_answers(path) for path in answers),
        metrics=tuple(read_json(path) for path in metrics),
        rows=read_json(quality)["generation"],
        answer=answer,
        dataset=dataset,
        taxonomy=read_taxonomy(taxonomy),
        seed=seed,
    )
    Path(output).write_text(card, encoding="utf-8")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        inputs, wildcards = snakemake.input, snakemake.wildcards
        main(
            tuned=System(wildcards.model, "tuned", wildcards.recipe, int(wildcards.rows), int(wildcards.seed)),
            model=Path(inputs.model),
            training=inputs.training,
            answers=(inputs.base_answers, inputs.tuned_answers),
            metrics=(inputs.base_metrics, inputs.tuned_metrics),
            quality=inputs.quality,
            taxonomy=inputs.taxonomy,
            answer=snakemake.params.answer,
            dataset=wildcards.dataset,
            seed=snakemake.params.seed,
            output=snakemake.output[0],
        )
