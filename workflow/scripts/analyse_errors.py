"""List every question with the answers of all models, and accuracy by kind of question."""

import pandas as pd

from finintent.analysis.error_analysis import persona_slices, question_table, slices
from finintent.files import read_jsonl
from finintent.logs import logged
from finintent.task.system import System
from finintent.task.taxonomy import read_taxonomy


def main(
    systems: list[System],
    predictions: list[str],
    validated: list[System],
    validation: list[str],
    rows: str,
    taxonomy: str,
    outputs: dict[str, str],
) -> None:
    names = read_taxonomy(taxonomy).names
    answered = {system: read_jsonl(path) for system, path in zip(systems, predictions, strict=True)}
    by_persona = persona_slices(
        {system: read_jsonl(path) for system, path in zip(validated, validation, strict=True)},
        {row["query"]: row["persona"] for row in read_jsonl(rows)},
        names,
    )
    for name, table in (
        ("questions", question_table(answered, names)),
        ("slices", pd.concat([slices(answered, names), by_persona], ignore_index=True)),
    ):
        table.to_csv(outputs[name], index=False, float_format="%.4g")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            [System(*values) for values in snakemake.params.systems],
            snakemake.input.predictions,
            [System(*values) for values in snakemake.params.validated],
            snakemake.input.validation,
            snakemake.input.rows,
            snakemake.input.taxonomy,
            dict(snakemake.output.items()),
        )
