"""Write what was estimated for each stage beside what was measured."""

from pathlib import Path
from typing import Any

from finintent.analysis.tables import read_table, write_table
from finintent.inference.device import measured_device
from finintent.logs import logged
from finintent.training.job_times import JobTimes
from finintent.training.study_estimate import comparison_table


def main(*, config: dict[str, Any], dataset: str, jobs: str, outputs: dict[str, str]) -> None:
    table = read_table(jobs)
    times = {
        name: JobTimes(config, device, Path("results"))
        for name in table["device"].unique()
        if (device := measured_device(name))
    }
    write_table(comparison_table(dataset, table, times), outputs["estimate"], outputs["estimate_csv"])


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            config=snakemake.config,
            dataset=snakemake.wildcards.dataset,
            jobs=snakemake.input.jobs,
            outputs=dict(snakemake.output.items()),
        )
