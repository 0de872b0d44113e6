"""Write the study as one Markdown file."""

from pathlib import Path
from typing import Any

from finintent.logs import logged
from finintent.markdown_report import markdown_report


def main(dataset: str, seed: int, inputs: dict[str, Any], output: str) -> None:
    Path(output).write_text(markdown_report(dataset, seed, **inputs), encoding="utf-8")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            snakemake.wildcards.dataset,
            snakemake.params.seed,
            dict(snakemake.input.items()),
            snakemake.output[0],
        )
