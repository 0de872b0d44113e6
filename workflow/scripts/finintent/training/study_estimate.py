"""What a study takes before it runs: time, disk, downloads, money; from its configuration and what is on the disk."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from finintent.analysis.tables import records
from finintent.config.settings import training_settings
from finintent.models.disk import download_gigabytes, gigabytes, is_converted
from finintent.models.folder import GB, is_downloaded
from finintent.models.size import CONFIG, FLOAT32
from finintent.task.system import System
from finintent.training.job_times import Job, JobTimes

STAGES = 5  # jobs of a tuned model on the accelerator, one after the other
# Jobs without the accelerator: the seconds of one; their number for a data set, a model, a system and a tuned model.
LIGHT_SECONDS = 2.4
LIGHT_DATASET, LIGHT_MODEL, LIGHT_SYSTEM, LIGHT_TUNED = 18, 3, 1, 2
CONVERSION, WRITTEN, LINKING = 18, 0.4 * GB, 3  # seconds of a model's conversion, its bytes a second; seconds of a link
MEASURED = (
    "The stages of most measured studies took up to a quarter more or less; a shared device takes longer (docs/gpu.md)."
)
ASSUMED = "The speed of this device was not measured but taken from its data sheet: expect half to twice the time."


@dataclass(frozen=True)
class ModelEstimate:
    """What one model of a study takes.

    Attributes:
        model: its id.
        jobs: number of its jobs on the accelerator.
        hours: of these jobs, from the start of their processes, by stage.
        usd: price of these hours, None where no price is configured.
        download_gb: what is still to be downloaded.
        disk_gb: the most that its files take, merged models aside.
        merged_gb: the most that its merged models take.
        prepared: whether its size was read from its folder; otherwise it is that of a typical model.
    """

    model: str
    jobs: int
    hours: dict[str, float]
    usd: float | None
    download_gb: float
    disk_gb: float
    merged_gb: float
    prepared: bool


@dataclass(frozen=True)
class StudyEstimate:
    """What a study takes.

    Attributes:
        device: name of the card, or "CPU".
        measured: whether this project measured the device's speed.
        models: each model.
        wall_clock_hours: from the first job to the last, by the number of cards that run jobs at once.
        gpu_hours: of all jobs on the accelerator.
        usd: price of these hours, None where no price is configured.
        download_gb: what is still to be downloaded.
        disk_gb: the most that the study's models take.
        unfit: why a model's training does not fit the card, by model.
    """

    device: str
    measured: bool
    models: list[ModelEstimate]
    wall_clock_hours: dict[int, float]
    gpu_hours: float
    usd: float | None
    download_gb: float
    disk_gb: float
    unfit: dict[str, str]


def estimate_study(times: JobTimes, systems: dict[str, list[System]]) -> StudyEstimate:
    """Return what a study takes.

    Args:
        times: of its jobs.
        systems: of each data set.
    """
    jobs = [job for dataset, made in systems.items() for system in made for job in times.jobs(dataset, system)]
    by_model: dict[str, list[Job]] = {name: [] for name in times.config["study"]["models"]}
    for job in jobs:
        by_model[job.system.model].append(job)
    models = [_estimate_model(times, name, made) for name, made in by_model.items()]
    merged = [model.merged_gb for model in models]
    lanes = [1]
    # A machine without cards runs one such job at a time.
    while times.device.memory_gb is not None and 2 * lanes[-1] <= len(jobs) / STAGES:
        lanes.append(2 * lanes[-1])
    light = _light_seconds(times, systems)
    prices = [model.usd for model in models if model.usd is not None]
    return StudyEstimate(
        device=times.device.name,
        measured=times.device.measured,
        models=models,
        wall_clock_hours={count: (makespan(jobs, count) + light / count) / 3600 for count in lanes},
        gpu_hours=sum(sum(model.hours.values()) for model in models),
        usd=sum(prices) if prices else None,
        download_gb=sum(model.download_gb for model in models),
        disk_gb=sum(model.disk_gb for model in models) + (sum(merged) if times.config["keep_merged"] else max(merged)),
        unfit=times.unfit,
    )


def _estimate_model(times: JobTimes, name: str, jobs: list[Job]) -> ModelEstimate:
    source, size = times.config["models"][name]["source"], times.size(name)
    hours: dict[str, float] = {}
    for job in jobs:
        hours[job.stage] = hours.get(job.stage, 0) + (job.start_seconds + job.seconds) / 3600
    price = times.config["gpu"].get("usd_per_hour")
    trained = [job.system for job in jobs if job.stage == "train"]
    ranks = [training_settings(times.config, name, system.recipe)["lora_rank"] for system in trained if system.recipe]
    kept = len(trained) if times.config["keep_merged"] else min(len(trained), 1)
    fetched = is_downloaded(source) and not (times.results / "downloads" / f"{name}.json").is_file()
    converted = size.bytes if is_converted(source) else 0
    return ModelEstimate(
        model=name,
        jobs=len(jobs),
        hours=hours,
        usd=None if price is None else price * sum(hours.values()),
        download_gb=gigabytes(source) if fetched else 0,
        disk_gb=download_gigabytes(source) + (converted + FLOAT32 * size.adapter * sum(ranks)) / GB,
        merged_gb=kept * size.bytes / GB,
        prepared=(times.results / "models" / name / CONFIG).is_file(),
    )


def _light_seconds(times: JobTimes, systems: dict[str, list[System]]) -> float:
    """Return the time of all jobs that do not need the accelerator, one after the other."""
    models = times.config["study"]["models"]
    jobs = len(systems) * (LIGHT_DATASET + LIGHT_MODEL * len(models))
    for of_dataset in systems.values():
        jobs += sum(LIGHT_SYSTEM + LIGHT_TUNED * (system.variant == "tuned") for system in of_dataset)
    prepared = sum(
        CONVERSION + times.size(model).bytes / WRITTEN
        if is_converted(times.config["models"][model]["source"])
        else LINKING
        for model in models
        if not (times.results / "models" / model).is_dir()
    )
    return jobs * LIGHT_SECONDS + prepared


def makespan(jobs: Iterable[Job], lanes: int) -> float:
    """Return the seconds in which so many cards run all jobs, the longest system first.

    The jobs of one system run one after the other, those of different systems at once.
    """
    chains: dict[tuple[str, System], float] = {}
    for job in jobs:
        key = job.dataset, job.system
        chains[key] = chains.get(key, 0) + job.start_seconds + job.seconds
    ends = [0.0] * lanes
    for seconds in sorted(chains.values(), reverse=True):
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


def comparison_table(dataset: str, jobs: pd.DataFrame, times: dict[str, JobTimes]) -> pd.DataFrame:
    """Return the estimated and the measured minutes of the jobs of a `job_table`, by model, device and stage.

    Args:
        dataset: the jobs' data set.
        jobs: the table.
        times: of jobs on each device, by its name in the table; jobs on other devices are left out.

    Returns:
        One row a model, device and stage: number of jobs, both sums, and by what share the estimate differs.
    """
    fields = list(System._fields)
    table = jobs[jobs["device"].isin(list(times))]
    estimated = []
    for row in records(table):
        made = times[row["device"]].jobs(dataset, System(**{field: row[field] for field in fields}))
        estimated.append(next(job.seconds for job in made if job.stage == row["stage"]) / 60)
    grouped = table.assign(jobs=1, estimated_minutes=estimated).groupby(["model", "device", "stage"], sort=False)
    sums = grouped[["jobs", "estimated_minutes", "minutes"]].sum().rename(columns={"minutes": "measured_minutes"})
    return sums.assign(difference=sums["estimated_minutes"] / sums["measured_minutes"] - 1).reset_index()


def text_table(study: StudyEstimate) -> str:
    """Return an estimate as text for a terminal."""

    def cells(label: str, jobs: object, values: Iterable[float | None]) -> str:
        return f"{label:<32}{jobs:>7}" + "".join(
            "          -" if value is None else f"{value:>11,.2f}" for value in values
        )

    def stages(hours: dict[str, float]) -> list[float]:
        return [hours.get("train", 0), sum(value for stage, value in hours.items() if stage != "train")]

    header = ["training h", "other h", "US dollars", "download GB", "disk GB"]
    lines = [f"{'model':<32}{'jobs':>7}" + "".join(f"{name:>11}" for name in header)]
    lines += [
        cells(
            model.model + ("" if model.prepared else " *"),
            model.jobs,
            [*stages(model.hours), model.usd, model.download_gb, model.disk_gb + model.merged_gb],
        )
        for model in study.models
    ]
    everything = [sum(pair) for pair in zip(*(stages(model.hours) for model in study.models), strict=True)]
    totals = [*everything, study.usd, study.download_gb, study.disk_gb]
    lines.append(cells("all", sum(model.jobs for model in study.models), totals))
    if not all(model.prepared for model in study.models):
        lines.append("* not prepared yet: the size is that of a typical model of as many GB")
    clock = ", ".join(f"{hours:,.2f} h on {count}" for count, hours in study.wall_clock_hours.items())
    lines.append(f"Hours of {study.device}, wall-clock by the number of them: {clock}; downloads not included.")
    lines.append(MEASURED if study.measured else ASSUMED)
    lines += [f"{model}: {why}" for model, why in study.unfit.items()]
    return "\n".join(lines)
