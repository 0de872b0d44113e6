"""Test each model against its base model and the others, and answer the study's question in sentences."""

from finintent.analysis.answers import read_answers
from finintent.analysis.comparison import paired_tests, summary
from finintent.analysis.tables import read_table, write_table
from finintent.files import write_json
from finintent.logs import logged
from finintent.task.system import System


def main(
    *, systems: list[System], answers: list[str], accuracy: str, permutations: str, seed: int, outputs: dict[str, str]
) -> None:
    answered = {system.name: read_answers(path) for system, path in zip(systems, answers, strict=True)}
    tests = paired_tests(systems, answered, seed=seed)
    write_table(tests, outputs["tests"], outputs["tests_csv"])
    write_json(outputs["summary"], summary(read_table(accuracy), tests, read_table(permutations)))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            systems=[System(*values) for values in snakemake.params.systems],
            answers=snakemake.input.answers,
            accuracy=snakemake.input.accuracy,
            permutations=snakemake.input.permutations,
            seed=snakemake.params.seed,
            outputs=dict(snakemake.output.items()),
        )
