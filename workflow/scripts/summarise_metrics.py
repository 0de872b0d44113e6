"""Write the metrics of a set of predictions: each scorer, and how far the probabilities can be believed."""

from finintent.analysis.metrics import measure
from finintent.files import read_jsonl, write_json
from finintent.logs import logged
from finintent.task.taxonomy import read_taxonomy


def main(evaluation: str, validation: str | None, taxonomy: str, output: str) -> None:
    validated = read_jsonl(validation) if validation else []
    write_json(output, measure(read_jsonl(evaluation), validated, read_taxonomy(taxonomy).names))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            snakemake.input.evaluation,
            snakemake.input.get("validation"),
            snakemake.input.taxonomy,
            snakemake.output[0],
        )
