"""Draw the accuracy of every model, by its headline scorer."""

import pandas as pd

from finintent.logs import logged
from finintent.report.figures import plot_accuracy


def main(table: str, dataset: str, output: str) -> None:
    comparison = pd.read_csv(table)
    plot_accuracy(comparison[comparison["headline"]], output, title=dataset)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input[0], snakemake.wildcards.dataset, snakemake.output[0])
