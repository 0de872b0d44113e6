"""Download a model's checkpoint from a hub."""

from pathlib import Path
from typing import Any

from finintent.files import write_json
from finintent.logs import logged
from finintent.models.download import download_checkpoint
from finintent.models.folder import download_folder

# Trusted on first use: commit them, so that another machine takes the same commits.
LOCKS = Path("resources/models")


def main(*, source: dict[str, Any], record: str) -> None:
    # The files lie beside the record, not among the outputs, which are deleted before a job and after a failure.
    write_json(record, download_checkpoint(source, download_folder(record), LOCKS))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        # Whether it is gated only tells when to ask for the token: no parameter, a change makes nothing stale.
        described = snakemake.config["models"][snakemake.wildcards.model]["source"]
        main(
            source=snakemake.params.source | {"gated": described.get("gated", False)},
            record=snakemake.output[0],
        )
