"""Draw the lengths of a data set's queries, and their similarity to each other and to the evaluation questions."""

from finintent.files import read_json
from finintent.logs import logged
from finintent.report.figures import plot_data_quality


def main(*, quality: str, threshold: float, title: str, output: str) -> None:
    plot_data_quality(read_json(quality), output, title=title, threshold=threshold)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            quality=snakemake.input[0],
            threshold=snakemake.params.threshold,
            title=snakemake.wildcards.dataset,
            output=snakemake.output[0],
        )
