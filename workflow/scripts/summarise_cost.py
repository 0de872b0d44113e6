"""Write the records of all jobs on the accelerator as one table."""

from finintent.analysis.tables import write_table
from finintent.logs import logged
from finintent.report.cost import Job, cost_table, job_table
from finintent.task.system import System


def main(*, jobs: list[Job], usd_per_hour: float | None, outputs: dict[str, str]) -> None:
    table = job_table(jobs, usd_per_hour)
    for name, rows in {"jobs": table, "cost": cost_table(table)}.items():
        write_table(rows, outputs[name], outputs[f"{name}_csv"])


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        trained = [System(*values) for values in snakemake.params.trained]
        merged = [System(*values) for values in snakemake.params.merged]
        computed = [System(*values) for values in snakemake.params.computed]
        records = {
            "train": dict(zip(trained, snakemake.input.training, strict=True)),
            "merge": dict(zip(merged, snakemake.input.merge, strict=True)),
            "check merge": dict(zip(merged, snakemake.input.check, strict=True)),
            "evaluate": dict(zip(computed, snakemake.input.evaluation, strict=True)),
        }
        main(
            jobs=[
                Job(system, stage, paths[system])
                for system in computed
                for stage, paths in records.items()
                if system in paths
            ],
            usd_per_hour=snakemake.params.usd_per_hour,
            outputs=dict(snakemake.output.items()),
        )
