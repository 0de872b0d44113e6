"""Print what the study takes before it runs, and write it as JSON."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from finintent.files import write_json
from finintent.inference.device import planned_device
from finintent.logs import logged, logger
from finintent.task.system import System
from finintent.training.job_times import JobTimes
from finintent.training.study_estimate import estimate_study, text_table


def main(*, config: dict[str, Any], systems: dict[str, list[System]], path: str) -> None:
    times = JobTimes(config, planned_device(config["gpu"].get("card")), Path(path).parent)
    study = estimate_study(times, systems)
    write_json(path, asdict(study))
    logger.info(text_table(study))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            config=snakemake.config,
            systems={
                dataset: [System(*values) for values in made] for dataset, made in snakemake.params.systems.items()
            },
            path=snakemake.params.path,
        )
