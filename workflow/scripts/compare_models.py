"""Put all models into one table, and test each against its base and against the others."""

from pathlib import Path

import pandas as pd

from finintent.comparison import accuracy_table, paired_tests, summary
from finintent.files import read_json, read_jsonl, write_json
from finintent.logs import logged
from finintent.task import read_taxonomy


def main(
    metrics: dict[str, str], predictions: list[tuple[str, str]], taxonomy: str, seed: int, outputs: dict[str, str]
) -> None:
    answered = {(model, Path(path).stem): read_jsonl(path) for model, path in predictions}
    accuracy = accuracy_table({model: read_json(path) for model, path in metrics.items()})
    tests = paired_tests(answered, read_taxonomy(taxonomy).names, seed=seed)
    write_csv(accuracy, outputs["accuracy"])
    write_csv(tests, outputs["tests"])
    write_json(outputs["summary"], summary(accuracy, tests))


def write_csv(table: pd.DataFrame, path: str) -> None:
    table.to_csv(path, index=False, float_format="%.6g")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        models, baseline = snakemake.params.models, snakemake.params.baseline
        # Paths are results/predictions/{model}/{dataset}/{variant}.jsonl.
        predictions = [(Path(path).parts[-3], path) for path in snakemake.input.predictions]
        main(
            dict(zip([*models, baseline], snakemake.input.metrics, strict=True)),
            predictions,
            snakemake.input.taxonomy,
            snakemake.params.seed,
            dict(snakemake.output.items()),
        )
