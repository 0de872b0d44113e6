"""The cost of jobs by hand."""

from pathlib import Path

import pytest

from finintent.files import write_json
from finintent.report.cost import Job, cost_table, job_table
from finintent.task.system import System

BASE, TUNED = System("m", "base"), System("m", "tuned", "label", 24, 1)


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Training and evaluation of a tuned model on a card, evaluation of its base on a processor."""
    card = {"device": "a card", "driver": "1.2", "rows_per_second": 2.0, "tokens_per_second": 9.0}
    records = [
        card | {"job_seconds": 5400, "card_peak_bytes": 2**30, "energy_joules": 7200},
        card | {"job_seconds": 1800, "card_peak_bytes": 3 * 2**30, "energy_joules": 3600},
        {"device": "a processor", "driver": None, "job_seconds": 60, "card_peak_bytes": None, "energy_joules": None},
    ]
    for number, record in enumerate(records):
        write_json(tmp_path / f"{number}.json", record)
    asked = ((TUNED, "train"), (TUNED, "evaluate"), (BASE, "evaluate"))
    return [Job(system, stage, str(tmp_path / f"{number}.json")) for number, (system, stage) in enumerate(asked)]


def test_each_job_in_minutes_dollars_gibibytes_and_watt_hours(jobs: list[Job]):
    table = job_table(jobs, usd_per_hour=2)
    numbers = table[["minutes", "usd", "gpu_peak_gib", "watt_hours"]]
    assert numbers.iloc[0].tolist() == [90, 3, 1, 2]
    assert table["stage"].tolist() == ["train", "evaluate", "evaluate"]
    assert table["rows"].tolist()[:2] == [24, 24]  # integers, though the base model has none
    assert table.loc[2, ["rows", "rows_per_second", "gpu_peak_gib", "watt_hours"]].isna().all()


def test_a_system_costs_the_sum_of_its_jobs(jobs: list[Job]):
    cost = cost_table(job_table(jobs, usd_per_hour=2)).set_index("name")
    assert cost.index.tolist() == [TUNED.name, BASE.name]
    columns = ["minutes", "usd", "watt_hours", "gpu_peak_gib"]
    assert cost.loc[TUNED.name, columns].tolist() == [120, 4, 3, 3]
    assert cost.loc[BASE.name, columns[:2]].tolist() == pytest.approx([1, 2 / 60])
    assert cost.loc[BASE.name, columns[2:]].isna().all()  # not measured, which is not 0


def test_a_thousand_questions_cost_the_time_of_the_evaluation_job_alone(jobs: list[Job]):
    cost = cost_table(job_table(jobs, usd_per_hour=2)).set_index("name")
    assert cost.loc[TUNED.name, ["training_minutes", "seconds_per_1000", "device"]].tolist() == [90, 500, "a card"]
    assert cost.loc[TUNED.name, "usd_per_1000"] == pytest.approx(2 * 500 / 3600)
    assert cost.loc[BASE.name, ["training_minutes", "seconds_per_1000", "usd_per_1000"]].isna().all()
    assert cost.loc[BASE.name, "device"] == "a processor"


def test_without_a_price_no_dollars_are_given(jobs: list[Job]):
    assert cost_table(job_table(jobs, usd_per_hour=None))[["usd", "usd_per_1000"]].isna().all(axis=None)
