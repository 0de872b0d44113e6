"""Put all runs of each model side by side: over training seeds, and over sizes of the training set."""

from finintent.analysis.seeds_and_sizes import in_words, learning_curve, run_table, seed_table
from finintent.files import read_jsonl, write_json
from finintent.logs import logged
from finintent.task.system import System
from finintent.task.taxonomy import read_taxonomy


def main(
    systems: list[System], predictions: list[str], taxonomy: str, rows: int, seed: int, outputs: dict[str, str]
) -> None:
    answered = {system: read_jsonl(path) for system, path in zip(systems, predictions, strict=True)}
    runs = run_table(answered, read_taxonomy(taxonomy).names, seed=seed)
    seed_table(runs, rows).to_csv(outputs["seeds"], index=False, float_format="%.6g")
    learning_curve(runs).to_csv(outputs["learning_curve"], index=False, float_format="%.6g")
    write_json(outputs["words"], in_words(runs, rows))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            [System(*values) for values in snakemake.params.systems],
            snakemake.input.predictions,
            snakemake.input.taxonomy,
            snakemake.params.rows,
            snakemake.params.seed,
            dict(snakemake.output.items()),
        )
