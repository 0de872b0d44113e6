"""Convert a multiple-choice file to one question a line."""

from finintent.files import write_jsonl
from finintent.logs import logged
from finintent.task.questions import read_questions
from finintent.task.taxonomy import read_taxonomy


def main(*, file: str, taxonomy: str, marker: str, output: str) -> None:
    write_jsonl(output, read_questions(file, read_taxonomy(taxonomy), marker))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            file=snakemake.input.file,
            taxonomy=snakemake.input.taxonomy,
            marker=snakemake.params.marker,
            output=snakemake.output[0],
        )
