"""Draw the reliability diagrams of a model."""

from finintent.files import read_json
from finintent.logs import logged
from finintent.report.figures import plot_calibration


def main(*, metrics: dict[str, str], title: str, output: str) -> None:
    calibrations = {variant: read_json(path)["calibration"] for variant, path in metrics.items()}
    plot_calibration(calibrations, output, title=title)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            metrics=dict(zip(snakemake.params.variants, snakemake.input, strict=True)),
            title=snakemake.wildcards.model,
            output=snakemake.output[0],
        )
