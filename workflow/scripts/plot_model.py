"""Draw a model's figures: confusion matrices by its headline scorer, reliability diagrams, and loss curves if tuned."""

from finintent.files import read_json
from finintent.logs import logged
from finintent.report.figures import plot_calibration, plot_confusion, plot_training
from finintent.task.taxonomy import read_taxonomy


def main(
    *,
    metrics: dict[str, str],
    trainings: dict[str, str],
    taxonomy: str,
    title: str,
    confusion: str,
    calibration: str,
    training: str | None,
) -> None:
    """Draw the figures; `metrics` and `trainings` are files by the name of their panel."""
    measured = {variant: read_json(path) for variant, path in metrics.items()}
    confusions = {variant: values["scorers"][values["headline"]]["confusion"] for variant, values in measured.items()}
    plot_confusion(confusions, read_taxonomy(taxonomy).codes, confusion, title=title)
    plot_calibration({variant: values["calibration"] for variant, values in measured.items()}, calibration, title=title)
    if training:
        plot_training({variant: read_json(path) for variant, path in trainings.items()}, training, title=title)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            metrics=dict(zip(snakemake.params.numbers, snakemake.input.metrics, strict=True)),
            trainings=dict(zip(snakemake.params.training_numbers, snakemake.input.training, strict=True)),
            taxonomy=snakemake.input.taxonomy,
            title=snakemake.wildcards.model,
            confusion=snakemake.output.confusion,
            calibration=snakemake.output.calibration,
            training=snakemake.output.get("training"),
        )
