"""Convert a file of rows of one's own to candidates."""

from finintent.config.generation import OwnRows
from finintent.data.candidates import candidates_record
from finintent.data.own_rows import own_candidates
from finintent.files import parse, write_json, write_jsonl
from finintent.logs import logged
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction


def main(*, source: dict[str, str], taxonomy: str, instruction: str, outputs: dict[str, str]) -> None:
    settings = parse("generation.file", source, OwnRows)
    candidates = own_candidates(settings, read_taxonomy(taxonomy), read_instruction(instruction))
    write_jsonl(outputs["candidates"], candidates)
    write_json(outputs["record"], candidates_record("file", candidates))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            source=dict(snakemake.params.source),
            taxonomy=snakemake.input.taxonomy,
            instruction=snakemake.input.instruction,
            outputs=dict(snakemake.output.items()),
        )
