"""Draw accuracy by the number of training rows, all models in one figure."""

from finintent.analysis.tables import read_table
from finintent.logs import logged
from finintent.report.figures import plot_learning_curve


def main(*, table: str, dataset: str, output: str) -> None:
    plot_learning_curve(read_table(table), output, title=dataset)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(table=snakemake.input[0], dataset=snakemake.wildcards.dataset, output=snakemake.output[0])
