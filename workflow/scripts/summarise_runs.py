"""Compare all runs of each model: over training seeds, and over sizes of the training set."""

from finintent.analysis.answers import read_answers
from finintent.analysis.contrasts import planned_contrasts
from finintent.analysis.seeds_and_sizes import learning_curve, run_table, sentences
from finintent.analysis.tables import write_table
from finintent.files import write_json
from finintent.logs import logged
from finintent.task.system import System


def main(*, systems: list[System], main_recipe: str, answers: list[str], seed: int, outputs: dict[str, str]) -> None:
    answered = {system: read_answers(path) for system, path in zip(systems, answers, strict=True)}
    runs = run_table(answered, planned_contrasts(systems, main_recipe), seed=seed)
    write_table(runs, outputs["seeds"], outputs["seeds_csv"])
    write_table(learning_curve(runs), outputs["learning_curve"], outputs["learning_curve_csv"])
    write_json(outputs["sentences"], sentences(runs))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            systems=[System(*values) for values in snakemake.params.systems],
            main_recipe=snakemake.params.main_recipe,
            answers=snakemake.input.answers,
            seed=snakemake.params.seed,
            outputs=dict(snakemake.output.items()),
        )
