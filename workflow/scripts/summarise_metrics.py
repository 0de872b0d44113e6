"""Write the metrics of a model: each variant under each scorer, and how far its probabilities can be believed."""

from pathlib import Path

from finintent.files import read_jsonl, write_json
from finintent.logs import logged
from finintent.metrics import SCORERS, calibrate, summarise
from finintent.task import read_taxonomy


def main(predictions: list[str], taxonomy: str, output: str) -> None:
    names = read_taxonomy(taxonomy).names
    metrics = {}
    for path in predictions:
        rows = read_jsonl(path)
        metrics[Path(path).stem] = {
            "scorers": {scorer: summarise(rows, names, scorer) for scorer in SCORERS},
            "calibration": calibrate(rows, list(names)),
        }
    write_json(output, metrics)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(list(snakemake.input.predictions), snakemake.input.taxonomy, snakemake.output[0])
