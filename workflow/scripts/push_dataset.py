"""Upload curated data sets to the Hugging Face Hub."""

import os
from pathlib import Path
from typing import Any

from finintent.data.hub import push_dataset
from finintent.errors import ConfigError
from finintent.logs import logged, logger


def main(*, folders: list[Path], publications: list[dict[str, Any]]) -> None:
    if not publications:
        raise ConfigError(
            "config: no data set of this study has the block `publication`; add it with a `repo_id` to upload one"
        )
    for folder, publication in zip(folders, publications, strict=True):
        url = push_dataset(folder, publication["repo_id"], os.environ.get("HF_TOKEN"), publication["private"])
        logger.info("%s: uploaded as %s", folder, url)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            folders=[Path(card).parent for card in snakemake.input.cards],
            publications=list(snakemake.params.publications.values()),
        )
