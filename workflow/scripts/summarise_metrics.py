"""Write the metrics of a model: each variant under each scorer, and the paired test of base against tuned."""

from dataclasses import asdict
from pathlib import Path

from finintent.files import read_jsonl, write_json
from finintent.logs import logged
from finintent.metrics import SCORERS, compare, summarise
from finintent.task import read_taxonomy


def main(predictions: list[str], taxonomy: str, output: str) -> None:
    codes = read_taxonomy(taxonomy).codes
    rows = {Path(path).stem: read_jsonl(path) for path in predictions}
    metrics = {
        variant: {scorer: summarise(answers, codes, scorer) for scorer in SCORERS} for variant, answers in rows.items()
    }
    if {"base", "tuned"} <= rows.keys():
        metrics["gain"] = {scorer: asdict(compare(rows["base"], rows["tuned"], scorer)) for scorer in SCORERS}
    write_json(output, metrics)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(list(snakemake.input.predictions), snakemake.input.taxonomy, snakemake.output[0])
