"""The sums of an estimate by hand."""

from pathlib import Path

import pandas as pd
import pytest

from finintent.config.whole import complete_config
from finintent.files import write_json
from finintent.machine.speed import GPUS, processor
from finintent.report.cost import Job as MeasuredJob
from finintent.report.cost import job_table
from finintent.task.system import System
from finintent.training.job_times import Job, JobTimes
from finintent.training.study_estimate import (
    comparison_table,
    estimate_study,
    makespan,
    text_table,
)
from tiny import ROOT, tiny_config

BASE, TUNED = System("m", "base"), System("m", "tuned", "letter", 24, 1)


def config(tmp_path: Path, **gpu: object) -> dict:
    """Return a study of one model of the Hub on the tiny data set."""
    values = tiny_config({"m": tmp_path})
    values["models"]["m"]["source"] = {"type": "huggingface", "repo_id": "a/b", "size_gb": 15.2}
    values["gpu"] = gpu
    return values | complete_config(values, set_by_workflow=(), baselines=())


def write_json_in(path: Path, record: dict | None = None) -> str:
    path.parent.mkdir(exist_ok=True)
    write_json(path, record or {})
    return str(path)


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)


def job(system: System, seconds: float, start: float = 0) -> Job:
    return Job(system, "d", "train", start_seconds=start, seconds=seconds)


def test_cards_share_systems_but_a_system_stays_in_order():
    jobs = [job(TUNED, 50), job(TUNED, 40, start=10), job(BASE, 60), job(BASE._replace(variant="few_shot"), 40)]
    assert [makespan(jobs, lanes) for lanes in (1, 2, 3, 8)] == [200, 100, 100, 100]


def test_a_study_is_the_sum_of_its_jobs(tmp_path: Path):
    times = JobTimes(config(tmp_path, usd_per_hour=2), GPUS["H100"], tmp_path)
    systems = {"support_topics": [BASE, TUNED, System("majority-class", "baseline", rows=24)]}
    study = estimate_study(times, systems)
    jobs = [made for system in (BASE, TUNED) for made in times.jobs("support_topics", system)]
    assert study.gpu_hours == pytest.approx(sum(made.start_seconds + made.seconds for made in jobs) / 3600)
    assert study.usd == pytest.approx(2 * study.gpu_hours)
    assert study.models[0].jobs == len(jobs) == 6
    assert study.models[0].hours.keys() == {"plan", "train", "merge", "check merge", "evaluate"}
    assert study.download_gb == 15.2
    assert study.disk_gb == pytest.approx(2 * 15.2, rel=0.02)  # the download and a merged model
    assert study.wall_clock_hours[1] > study.gpu_hours
    table = text_table(study)
    assert "m *" in table
    assert "wall-clock" in table


def test_more_cards_take_less_time_and_a_processor_is_one(tmp_path: Path):
    systems = {"support_topics": [TUNED._replace(seed=seed) for seed in range(16)]}
    clock = estimate_study(JobTimes(config(tmp_path), GPUS["H100"], tmp_path), systems).wall_clock_hours
    assert list(clock) == [1, 2, 4, 8, 16]
    assert clock[1] / clock[8] == pytest.approx(8, rel=0.05)
    study = estimate_study(JobTimes(config(tmp_path), processor(2, bf16=True), tmp_path), systems)
    assert list(study.wall_clock_hours) == [1]
    assert study.usd is None


def test_a_download_that_is_there_is_not_made_again(tmp_path: Path):
    write_json_in(tmp_path / "downloads/m.json")
    study = estimate_study(JobTimes(config(tmp_path), GPUS["H100"], tmp_path), {"support_topics": [BASE]})
    assert study.download_gb == 0


def test_an_estimate_beside_what_was_measured(tmp_path: Path):
    times = JobTimes(config(tmp_path), GPUS["H100"], tmp_path)
    estimated = {made.stage: made.seconds for made in times.jobs("support_topics", TUNED)}
    record = {"driver": "1", "card_peak_bytes": None, "energy_joules": None, "device": "NVIDIA H100 80GB HBM3"}
    jobs = [
        MeasuredJob(
            TUNED._replace(seed=seed), stage, write_json_in(tmp_path / f"jobs/{stage}", record | {"job_seconds": taken})
        )
        for seed in (1, 2)
        for stage, taken in (("train", estimated["train"] / 2), ("evaluate", 2 * estimated["evaluate"]))
    ]
    elsewhere = write_json_in(tmp_path / "jobs/other", record | {"job_seconds": 1, "device": "NVIDIA L4"})
    table = job_table([*jobs, MeasuredJob(TUNED, "merge", elsewhere)], usd_per_hour=None)
    found = comparison_table("support_topics", table, {"NVIDIA H100 80GB HBM3": times})
    assert found[["stage", "jobs"]].to_numpy().tolist() == [["train", 2], ["evaluate", 2]]
    assert found["difference"].tolist() == pytest.approx([1, -0.5])
    assert found["estimated_minutes"].tolist() == pytest.approx(
        [2 * estimated["train"] / 60, 2 * estimated["evaluate"] / 60]
    )


def test_jobs_on_unknown_devices_alone_leave_an_empty_table():
    table = pd.DataFrame({"device": ["NVIDIA L4"], "model": ["m"], "stage": ["train"], "minutes": [1.0]})
    assert comparison_table("d", table, {}).empty
