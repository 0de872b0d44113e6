"""Download candidates from a data set of the Hub, at a pinned revision."""

import os

from finintent.data.candidates import candidates_record
from finintent.data.hub import download_rows, hub_candidates
from finintent.files import write_json, write_jsonl
from finintent.logs import logged
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction


def main(*, source: dict[str, str], dataset: str, taxonomy: str, instruction: str, outputs: dict[str, str]) -> None:
    # Outside the outputs, which are deleted before a job: an interrupted download resumes.
    splits = download_rows(**source, cache="results/hub", token=os.environ.get("HF_TOKEN"))
    candidates = hub_candidates(
        splits, read_instruction(instruction), read_taxonomy(taxonomy), dataset=dataset, **source
    )
    write_jsonl(outputs["candidates"], candidates)
    write_json(outputs["record"], candidates_record("huggingface", candidates))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            source=dict(snakemake.params.source),
            dataset=snakemake.wildcards.dataset,
            taxonomy=snakemake.input.taxonomy,
            instruction=snakemake.input.instruction,
            outputs=dict(snakemake.output.items()),
        )
