"""The cost of each job on the accelerator: minutes, money, memory, energy."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from finintent.files import read_json
from finintent.task.system import SYSTEM_TYPES, System


class Job(NamedTuple):
    """A job on the accelerator.

    Attributes:
        system: the system that it was for.
        stage: train, merge, check merge or evaluate.
        record: path of its JSON record, with the result of `meter.metered`.
    """

    system: System
    stage: str
    record: str


def job_table(jobs: Iterable[Job], usd_per_hour: float | None) -> pd.DataFrame:
    """Return one row a job, in the order given.

    rows_per_second and tokens_per_second are those of training and of evaluation. Dollars are for the time of the jobs,
    without the time between them.

    Args:
        jobs: the jobs.
        usd_per_hour: price of the machine, None if it is not known.
    """
    rows = []
    for job in jobs:
        record = read_json(job.record)
        hours, peak, joules = record["job_seconds"] / 3600, record["card_peak_bytes"], record["energy_joules"]
        rows.append(
            {
                "name": job.system.name,
                **job.system._asdict(),
                "stage": job.stage,
                "minutes": 60 * hours,
                "usd": None if usd_per_hour is None else hours * usd_per_hour,
                "rows_per_second": record.get("rows_per_second"),
                "tokens_per_second": record.get("tokens_per_second"),
                "gpu_peak_gib": None if peak is None else peak / 2**30,
                "watt_hours": None if joules is None else joules / 3600,
                "device": record["device"],
                "driver": record["driver"],
            }
        )
    numbers = ("usd", "rows_per_second", "tokens_per_second", "gpu_peak_gib", "watt_hours")
    return pd.DataFrame(rows).astype({**SYSTEM_TYPES, "seed": "Int64", **dict.fromkeys(numbers, float)})


def cost_table(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return one row a run of a `job_table`.

    Returns:
        minutes, dollars and energy of all its jobs, and the peak of the card's memory; training_minutes; seconds and
        dollars of a thousand questions, each asked once, and the device that answers them.
    """
    answering = jobs.where(jobs["stage"] == "evaluate")
    seconds = 1000 / answering["rows_per_second"]
    grouped = jobs.assign(
        training_minutes=jobs["minutes"].where(jobs["stage"] == "train"),
        seconds_per_1000=seconds,
        usd_per_1000=seconds * answering["usd"] / (60 * answering["minutes"]),
        device=answering["device"],
    ).groupby(["name", *System._fields], dropna=False, sort=False)
    sums = ["minutes", "usd", "watt_hours", "training_minutes", "seconds_per_1000", "usd_per_1000"]
    table = grouped[sums].sum(min_count=1)
    return table.assign(gpu_peak_gib=grouped["gpu_peak_gib"].max(), device=grouped["device"].first()).reset_index()
