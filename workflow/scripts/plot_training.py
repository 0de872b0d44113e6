"""Draw the loss curves of a model's main runs, one a recipe."""

from finintent.files import read_json
from finintent.logs import logged
from finintent.report.figures import plot_training


def main(*, trainings: dict[str, str], title: str, output: str) -> None:
    plot_training({variant: read_json(path) for variant, path in trainings.items()}, output, title=title)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            trainings=dict(zip(snakemake.params.variants, snakemake.input, strict=True)),
            title=snakemake.wildcards.model,
            output=snakemake.output[0],
        )
