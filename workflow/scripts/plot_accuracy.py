"""Draw the accuracy of every model, untuned and tuned by each recipe."""

from finintent.analysis.tables import read_table
from finintent.logs import logged
from finintent.report.figures import plot_accuracy
from finintent.task.system import MAJORITY_BASELINE


def main(*, seeds: str, tests: str, dataset: str, output: str) -> None:
    runs, compared = read_table(seeds), read_table(tests)
    # Of the trained systems those that were tested: other sizes are in the learning curve.
    shown = {*compared["first"], *compared["second"], MAJORITY_BASELINE}
    plot_accuracy(runs[runs["rows"].isna() | runs["name"].isin(shown)], output, title=dataset)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            seeds=snakemake.input.seeds,
            tests=snakemake.input.tests,
            dataset=snakemake.wildcards.dataset,
            output=snakemake.output[0],
        )
