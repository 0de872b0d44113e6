"""Draw the loss curve of a training run."""

from finintent.files import read_json
from finintent.logs import logged
from finintent.report.figures import plot_training


def main(*, training: str, title: str, output: str) -> None:
    plot_training(read_json(training), output, title=title)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(training=snakemake.input[0], title=snakemake.wildcards.model, output=snakemake.output[0])
