"""Draw the accuracy of every model, untuned and tuned by each recipe."""

from finintent.analysis.tables import read_table
from finintent.logs import logged
from finintent.report.figures import plot_accuracy
from finintent.task.system import MAJORITY_BASELINE


def main(*, table: str, dataset: str, output: str) -> None:
    runs = read_table(table)
    # Of the trained systems those that are compared: other sizes are in the learning curve.
    shown = runs["rows"].isna() | runs["compared"] | (runs["model"] == MAJORITY_BASELINE)
    plot_accuracy(runs[shown], output, title=dataset)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(table=snakemake.input[0], dataset=snakemake.wildcards.dataset, output=snakemake.output[0])
