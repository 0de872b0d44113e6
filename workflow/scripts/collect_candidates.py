"""Convert the generator's stored answers to candidates, one query a line."""

from finintent.data.candidates import candidates_from_responses, candidates_record
from finintent.files import write_json, write_jsonl
from finintent.logs import logged


def main(*, responses: str, dataset: str, outputs: dict[str, str]) -> None:
    candidates = candidates_from_responses(responses, dataset)
    write_jsonl(outputs["candidates"], candidates)
    write_json(outputs["record"], candidates_record("recorded", candidates))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            responses=snakemake.input.responses,
            dataset=snakemake.params.dataset,
            outputs=dict(snakemake.output.items()),
        )
