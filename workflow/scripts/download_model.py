"""Download a model's checkpoint from a hub, or a GGUF file from where it is published."""

from pathlib import Path
from typing import Any

from finintent.files import parse, write_json
from finintent.logs import logged
from finintent.models.download import download_checkpoint
from finintent.models.folder import download_folder
from finintent.models.gguf_source import GgufSource, download_gguf

# Trusted on first use: commit these files, so that another machine uses the same commits.
LOCKS = Path("resources/models")


def main(*, source: dict[str, Any], record: str) -> None:
    # The files are beside the record and are not outputs, as outputs are deleted before a job and after a failure.
    folder = download_folder(record)
    if source["type"] == "gguf":
        write_json(record, download_gguf(parse("config: source", source, GgufSource), folder))
    else:
        write_json(record, download_checkpoint(source, folder, LOCKS))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        # `gated` only decides whether a token is needed. It is not a parameter, so a change makes nothing stale.
        described = snakemake.config["models"][snakemake.wildcards.model]["source"]
        gated = {"gated": True} if described.get("gated") else {}
        main(source=snakemake.params.source | gated, record=snakemake.output[0])
