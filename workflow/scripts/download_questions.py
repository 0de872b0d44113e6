"""Download OpenFinData's release and take one task's questions out of it."""

from pathlib import Path

from finintent.data.openfindata import RELEASE, TERMS, fetch_member
from finintent.logs import logged, logger

# Trusted on first use: commit it, so that another machine accepts the same archive only.
LOCK = "resources/openfindata.lock.json"


def main(*, output: str) -> None:
    logger.info(TERMS)
    # The archive is not an output, as outputs are deleted before a job: other tasks need no second download.
    fetch_member(RELEASE, Path(output).name, Path(output).parent, folder="results/downloads", lock_file=LOCK)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(output=snakemake.output[0])
