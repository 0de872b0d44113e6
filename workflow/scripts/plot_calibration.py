"""Draw how far a model's confidence can be believed."""

from finintent.figures import plot_calibration
from finintent.files import read_json
from finintent.logs import logged


def main(metrics: str, title: str, output: str) -> None:
    plot_calibration(read_json(metrics), output, title=title)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input[0], snakemake.wildcards.model, snakemake.output[0])
