"""Draw accuracy over the number of training rows, all models in one figure."""

import pandas as pd

from finintent.logs import logged
from finintent.report.figures import plot_learning_curve


def main(table: str, dataset: str, output: str) -> None:
    plot_learning_curve(pd.read_csv(table), output, title=dataset)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input[0], snakemake.wildcards.dataset, snakemake.output[0])
