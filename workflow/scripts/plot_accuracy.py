"""Draw the accuracy of every model, by its headline scorer."""

from finintent.analysis.tables import read_table
from finintent.logs import logged
from finintent.report.figures import plot_accuracy


def main(*, table: str, dataset: str, output: str) -> None:
    comparison = read_table(table)
    plot_accuracy(comparison[comparison["headline"]], output, title=dataset)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(table=snakemake.input[0], dataset=snakemake.wildcards.dataset, output=snakemake.output[0])
