"""List every question with the answers of all models, and accuracy by kind of question."""

import pandas as pd

from finintent.analysis.answers import VALIDATION, read_answers
from finintent.analysis.error_analysis import persona_slices, question_table, slices
from finintent.analysis.tables import write_table
from finintent.files import read_jsonl
from finintent.logs import logged
from finintent.task.system import System


def main(*, systems: list[System], answers: list[str], validation_rows: str, outputs: dict[str, str]) -> None:
    paths = dict(zip(systems, answers, strict=True))
    evaluated = {system: read_answers(path) for system, path in paths.items()}
    validated = {system: read_answers(path, VALIDATION) for system, path in paths.items()}
    by_persona = persona_slices(
        {system: table for system, table in validated.items() if len(table)},
        {row["id"]: row["persona"] for row in read_jsonl(validation_rows)},
    )
    write_table(question_table(evaluated), outputs["questions"], outputs["questions_csv"])
    kinds = [part for part in (slices(evaluated), by_persona) if len(part)]
    write_table(pd.concat(kinds, ignore_index=True), outputs["slices"], outputs["slices_csv"])


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            systems=[System(*values) for values in snakemake.params.systems],
            answers=snakemake.input.answers,
            validation_rows=snakemake.input.rows,
            outputs=dict(snakemake.output.items()),
        )
