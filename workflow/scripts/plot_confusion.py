"""Draw a model's confusion matrices, by its headline scorer."""

from finintent.files import read_json
from finintent.logs import logged
from finintent.report.figures import plot_confusion
from finintent.task.taxonomy import read_taxonomy


def main(*, metrics: dict[str, str], taxonomy: str, title: str, output: str) -> None:
    measured = {variant: read_json(path) for variant, path in metrics.items()}
    confusions = {variant: values["scorers"][values["headline"]]["confusion"] for variant, values in measured.items()}
    plot_confusion(confusions, read_taxonomy(taxonomy).codes, output, title=title)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            metrics=dict(zip(snakemake.params.variants, snakemake.input.metrics, strict=True)),
            taxonomy=snakemake.input.taxonomy,
            title=snakemake.wildcards.model,
            output=snakemake.output[0],
        )
