"""Check that a merged model is base + adapter, on prompts of the validation set."""

from pathlib import Path

from transformers import AutoTokenizer

from finintent.files import read_json, write_json
from finintent.logs import logged
from finintent.machine.lock import exclusive_accelerator
from finintent.machine.meter import metered
from finintent.training.merge_check import check_merge

PROBES = 8


def main(*, base: str, adapter: str, merged: str, probes: str, output: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    prompts = [tokenizer.encode(row["instruction"]) for row in read_json(probes)[:PROBES]]
    with exclusive_accelerator(), metered() as job:
        check = check_merge(Path(base), Path(adapter), Path(merged), prompts)
    write_json(output, check | job)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            base=snakemake.input.base,
            adapter=snakemake.input.adapter,
            merged=snakemake.input.merged,
            probes=snakemake.input.probes,
            output=snakemake.output[0],
        )
