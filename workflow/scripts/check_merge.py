"""Prove that a merged model is base + adapter, on prompts of the validation set."""

from pathlib import Path

from transformers import AutoTokenizer

from finintent.accelerator import exclusive_accelerator, use_every_core
from finintent.files import read_json, write_json
from finintent.hardware import metered
from finintent.logs import logged
from finintent.merge_check import check_merge

PROBES = 8


def main(base: str, adapter: str, merged: str, probes: str, output: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    prompts = [tokenizer.encode(row["instruction"]) for row in read_json(probes)[:PROBES]]
    use_every_core()
    with exclusive_accelerator(), metered() as job:
        check = check_merge(Path(base), Path(adapter), Path(merged), prompts)
    write_json(output, check | job)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            snakemake.input.base,
            snakemake.input.adapter,
            snakemake.input.merged,
            snakemake.input.probes,
            snakemake.output[0],
        )
