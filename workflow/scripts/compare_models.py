"""Put all models into one table, and test each tuned model against its base and against the linear baseline."""

from typing import Any

import pandas as pd

from finintent.comparison import accuracy_table, paired_tests, summary
from finintent.files import read_json, read_jsonl, write_json
from finintent.logs import logged


def main(metrics: dict[str, str], tuned: dict[str, str], baseline: tuple[str, str], outputs: dict[str, str]) -> None:
    measured: dict[str, Any] = {model: read_json(path) for model, path in metrics.items()}
    name, path = baseline
    accuracy = accuracy_table(measured)
    tests = paired_tests(measured, {model: read_jsonl(file) for model, file in tuned.items()}, name, read_jsonl(path))
    write_csv(accuracy, outputs["accuracy"])
    write_csv(tests, outputs["tests"])
    write_json(outputs["summary"], summary(accuracy, tests))


def write_csv(table: pd.DataFrame, path: str) -> None:
    table.to_csv(path, index=False, float_format="%.6g")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        models, name = snakemake.params.models, snakemake.params.baseline
        main(
            dict(zip([*models, name], snakemake.input.metrics, strict=True)),
            dict(zip(models, snakemake.input.tuned, strict=True)),
            (name, snakemake.input.baseline),
            dict(snakemake.output.items()),
        )
