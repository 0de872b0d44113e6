"""Write the card of a tuned model beside it."""

from pathlib import Path

from finintent.files import read_json, read_jsonl
from finintent.logs import logged
from finintent.models.folder import OWN_FILE
from finintent.report.model_card import model_card
from finintent.task.system import System
from finintent.task.taxonomy import read_taxonomy


def main(
    system: System,
    model: Path,
    training: str,
    base: str,
    tuned: str,
    metrics: list[str],
    quality: str,
    taxonomy: str,
    dataset: str,
    seed: int,
    output: str,
) -> None:
    card = model_card(
        read_json(model / OWN_FILE)["source"],
        read_json(training),
        {System(system.model, "base"): read_jsonl(base), system: read_jsonl(tuned)},
        [read_json(path) for path in metrics],
        read_json(quality)["generation"]["generators"],
        dataset,
        read_taxonomy(taxonomy),
        seed=seed,
    )
    Path(output).write_text(card, encoding="utf-8")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        wildcards = snakemake.wildcards
        main(
            System(wildcards.model, "tuned", int(wildcards.rows), int(wildcards.seed)),
            Path(snakemake.input.model),
            snakemake.input.training,
            snakemake.input.base,
            snakemake.input.tuned,
            [snakemake.input.base_metrics, snakemake.input.tuned_metrics],
            snakemake.input.quality,
            snakemake.input.taxonomy,
            wildcards.dataset,
            snakemake.params.seed,
            snakemake.output[0],
        )
