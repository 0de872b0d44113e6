"""Write a system's answers under each scorer as one table, and its metrics."""

import pandas as pd

from finintent.analysis.answers import EVALUATION, VALIDATION, answer_table, write_answers
from finintent.analysis.metrics import measure
from finintent.files import write_json
from finintent.logs import logged
from finintent.task.prediction import read_predictions
from finintent.task.taxonomy import read_taxonomy


def main(*, evaluation: str, validation: str | None, taxonomy: str, answers: str, metrics: str) -> None:
    names = read_taxonomy(taxonomy).names
    rows = read_predictions(evaluation, names)
    validated = read_predictions(validation, names) if validation else []
    answered = answer_table(rows, names, EVALUATION)
    checked = answer_table(validated, names, VALIDATION)
    write_answers(answers, pd.concat([answered, checked], ignore_index=True))
    write_json(metrics, measure(rows, answered, validated, list(names)))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            evaluation=snakemake.input.evaluation,
            validation=snakemake.input.get("validation"),
            taxonomy=snakemake.input.taxonomy,
            answers=snakemake.output.answers,
            metrics=snakemake.output.metrics,
        )
