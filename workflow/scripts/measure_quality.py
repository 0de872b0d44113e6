"""Measure the diversity, quality and cost per row of a curated data set."""

from finintent.data.curation import Personas
from finintent.data.quality import measure
from finintent.files import read_json, read_jsonl, read_yaml, write_json
from finintent.logs import logged
from finintent.task.taxonomy import read_taxonomy


def main(*, record: str, splits: list[str], rejected: str, taxonomy: str, personas: str | None, output: str) -> None:
    rows = [row for split in splits for row in read_jsonl(split)]
    generation = read_json(record)
    if (cost := generation.get("cost_usd")) is not None:
        generation["cost_usd_per_row"] = cost / len(rows)
    quality = measure(
        rows,
        read_jsonl(rejected),
        read_taxonomy(taxonomy).codes,
        list(read_yaml(personas, Personas).root) if personas else [],
    )
    write_json(output, {"generation": generation, **quality})


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            record=snakemake.input.record,
            splits=[snakemake.input.train, snakemake.input.validation],
            rejected=snakemake.input.rejected,
            taxonomy=snakemake.input.taxonomy,
            personas=snakemake.input.get("personas"),
            output=snakemake.output[0],
        )
