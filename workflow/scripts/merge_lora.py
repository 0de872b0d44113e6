"""Run `llamafactory-cli export` on a rendered YAML."""

from finintent.accelerator import run_llamafactory
from finintent.errors import MergeError
from finintent.logs import logged


def main(config: str) -> None:
    if status := run_llamafactory("export", config):
        raise MergeError(f"`llamafactory-cli export {config}` ended with status {status}; the log has its words")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input.config)
