"""Draw a model's confusion matrices, by the log-likelihood of the options."""

from finintent.figures import plot_confusion
from finintent.files import read_json
from finintent.logs import logged
from finintent.task import read_taxonomy


def main(metrics: str, taxonomy: str, title: str, output: str) -> None:
    confusions = {
        variant: measured["scorers"]["loglikelihood"]["confusion"] for variant, measured in read_json(metrics).items()
    }
    plot_confusion(confusions, read_taxonomy(taxonomy).codes, output, title=title)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input.metrics, snakemake.input.taxonomy, snakemake.wildcards.model, snakemake.output[0])
