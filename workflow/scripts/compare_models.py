"""Put all models into one table, and test each against its base and against the others."""

import pandas as pd

from finintent.analysis.accuracy import accuracy_table, permutation_table
from finintent.analysis.comparison import paired_tests, summary
from finintent.files import read_json, read_jsonl, write_json
from finintent.logs import logged
from finintent.task.system import System
from finintent.task.taxonomy import read_taxonomy


def main(
    systems: list[System],
    metrics: list[str],
    predictions: list[str],
    taxonomy: str,
    seed: int,
    outputs: dict[str, str],
) -> None:
    measured = {system: read_json(path) for system, path in zip(systems, metrics, strict=True)}
    answered = {system: read_jsonl(path) for system, path in zip(systems, predictions, strict=True)}
    accuracy = accuracy_table(measured)
    tests = paired_tests(answered, read_taxonomy(taxonomy).names, seed=seed)
    permutations = permutation_table(measured)
    write_csv(accuracy, outputs["accuracy"])
    write_csv(tests, outputs["tests"])
    write_csv(permutations, outputs["permutations"])
    write_json(outputs["summary"], summary(accuracy, tests, permutations))


def write_csv(table: pd.DataFrame, path: str) -> None:
    table.to_csv(path, index=False, float_format="%.6g")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            [System(*values) for values in snakemake.params.systems],
            snakemake.input.metrics,
            snakemake.input.predictions,
            snakemake.input.taxonomy,
            snakemake.params.seed,
            dict(snakemake.output.items()),
        )
