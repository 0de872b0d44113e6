"""Download OpenFinData's release and take one task's questions out of it."""

from pathlib import Path

from finintent.data.openfindata import RELEASE, TERMS, download, extract
from finintent.logs import logged, logger

# Trusted on first use: commit it, so that another machine accepts the same archive only.
LOCK = "resources/openfindata.lock.json"


def main(*, output: str) -> None:
    logger.info(TERMS)
    # Outside the outputs, which are deleted before a job: a download that broke off is gone on with.
    archive = download(RELEASE, "results/downloads", LOCK)
    extract(archive, Path(output).name, Path(output).parent)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(output=snakemake.output[0])
