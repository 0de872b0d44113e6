"""Write the study as one Markdown file."""

from pathlib import Path
from typing import Any

from finintent.logs import logged
from finintent.markdown_report import markdown_report
from finintent.systems import System


def main(
    dataset: str, seed: int, systems: list[System], usd_per_hour: float | None, inputs: dict[str, Any], output: str
) -> None:
    Path(output).write_text(markdown_report(dataset, seed, systems, usd_per_hour, **inputs), encoding="utf-8")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            snakemake.wildcards.dataset,
            snakemake.params.seed,
            [System(*values) for values in snakemake.params.systems],
            snakemake.params.usd_per_hour,
            dict(snakemake.input.items()),
            snakemake.output[0],
        )
