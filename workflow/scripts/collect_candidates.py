"""Turn the generator's stored answers into candidates, one query a line."""

from finintent.candidates import candidates_from_responses
from finintent.files import write_jsonl
from finintent.logs import logged


def main(responses: str, dataset: str, output: str) -> None:
    write_jsonl(output, candidates_from_responses(responses, dataset))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input.responses, snakemake.wildcards.dataset, snakemake.output[0])
