"""Write tables of the accuracy of all systems, and of its dependence on the order of the options."""

from finintent.analysis.accuracy import accuracy_table, permutation_table
from finintent.analysis.tables import write_table
from finintent.files import read_json
from finintent.logs import logged
from finintent.task.system import System


def main(*, systems: list[System], metrics: list[str], outputs: dict[str, str]) -> None:
    measured = {system: read_json(path) for system, path in zip(systems, metrics, strict=True)}
    write_table(accuracy_table(measured), outputs["accuracy"], outputs["accuracy_csv"])
    write_table(permutation_table(measured), outputs["permutations"], outputs["permutations_csv"])


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            systems=[System(*values) for values in snakemake.params.systems],
            metrics=snakemake.input.metrics,
            outputs=dict(snakemake.output.items()),
        )
