"""The time model against jobs that were measured."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from finintent.config.whole import complete_config
from finintent.errors import ConfigError
from finintent.machine.speed import GPUS, Device, processor
from finintent.task.system import System
from finintent.training.job_times import JobTimes
from tiny import ROOT

DATASET = "intent_understanding"
GEMMA, SMALL, LARGE = "gemma-3-270m", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"
CORES = processor(2, bf16=True)


def shipped(*overlays: str, **changes: dict) -> dict[str, Any]:
    """Return the shipped configuration with overlays, complete."""

    def lay(below: dict, above: dict) -> None:
        for key, value in above.items():
            if isinstance(value, dict) and isinstance(below.get(key), dict):
                lay(below[key], value)
            else:
                below[key] = value

    config: dict[str, Any] = {}
    for name in ("config.yaml", *overlays):
        lay(config, yaml.safe_load((ROOT / "config" / name).read_text(encoding="utf-8")))
    lay(config, changes)
    return config | complete_config(config, set_by_workflow=(), baselines=())


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)


def seconds(config: dict[str, Any], device: Device, system: System) -> dict[str, float]:
    times = JobTimes(config, device, Path("nothing-is-prepared"))
    return {job.stage: job.seconds for job in times.jobs(DATASET, system)}


def test_a_training_on_a_gpu():
    """Of the default study on an H100, by its record."""
    found = seconds(shipped(), GPUS["H100"], System(GEMMA, "tuned", "label", 500, 42))["train"]
    assert found == pytest.approx(38.8, rel=0.1)


# Eight jobs at a time on an H200: the last trainings, which had the most of it to themselves.
@pytest.mark.parametrize(("model", "measured"), [(GEMMA, 374.6), (SMALL, 378.8), (LARGE, 475.1)])
def test_a_training_of_one_row_at_a_time(model: str, measured: float):
    found = seconds(shipped("embedded.yaml"), GPUS["H200"], System(model, "tuned", "original", 500, 42))
    assert found["train"] == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize(("model", "merge", "check"), [(GEMMA, 16.8, 2.4), (SMALL, 18.7, 2.6), (LARGE, 21.3, 3.95)])
def test_a_merge_and_its_check_on_a_gpu(model: str, merge: float, check: float):
    found = seconds(shipped("embedded.yaml"), GPUS["H100"], System(model, "tuned", "label", 875, 42))
    assert found["merge"] == pytest.approx(merge, rel=0.15)
    assert found["check merge"] == pytest.approx(check, rel=0.25)


# Of the default study, alone on two cores.
@pytest.mark.parametrize(
    ("stage", "measured", "variant"),
    [
        ("train", 622.2, "tuned"), ("merge", 13.8, "tuned"), ("check merge", 11.6, "tuned"),
        ("evaluate", 103.6, "tuned"), ("evaluate", 76.1, "base"), ("evaluate", 52.3, "few_shot"),
    ],
)  # fmt: skip
def test_the_default_study_on_a_processor(stage: str, measured: float, variant: str):
    system = System(GEMMA, "tuned", "label", 500, 42) if variant == "tuned" else System(GEMMA, variant)
    assert seconds(shipped(), CORES, system)[stage] == pytest.approx(measured, rel=0.2)


def test_examples_are_read_once_and_asked_in_one_order():
    config, device = shipped(), GPUS["H100"]
    assert config["scoring"]["permutations"] == 5
    orders = shipped(scoring={"permutations": 1})
    systems = [System(GEMMA, variant) for variant in ("base", "few_shot")]
    five, one = ([seconds(made, device, system)["evaluate"] for system in systems] for made in (config, orders))
    assert five[1] == one[1]
    assert five[0] > one[0]


@pytest.mark.parametrize(("model", "measured"), [("qwen2.5-7b", 120), ("llama-3-8b", 120), ("baichuan2-7b", 131)])
def test_rows_a_second_at_full_size(model: str, measured: float):
    """Of tests/gpu/measure.py on an H200, after the first steps: 8 rows at once."""
    system = System(model, "tuned", "letter", 500, 42)
    one, two = (
        seconds(
            shipped("a10g.yaml", recipes={"letter": {"max_steps": steps}}, gpu={"memory_gb": 80}), GPUS["H200"], system
        )
        for steps in (100, 101)
    )
    assert 8 / (two["train"] - one["train"]) == pytest.approx(measured, rel=0.25)


def test_a_larger_card_is_no_slower_and_twice_the_rows_take_twice_the_steps():
    config = shipped("a10g.yaml")
    systems = [System("qwen2.5-7b", "tuned", "letter", rows, 1) for rows in (400, 800)]
    small, large = (seconds(config, GPUS["A10G"], system)["train"] for system in systems)
    assert 1.5 < large / small < 2
    assert seconds(config, GPUS["H100"], systems[0])["train"] < small / 2


def test_a_model_that_does_not_fit_the_card_is_named():
    config = shipped("a10g.yaml")
    config["models"]["large"] = copy.deepcopy(config["models"]["qwen2.5-7b"])
    config["models"]["large"]["source"]["size_gb"] = 145
    times = JobTimes(config, GPUS["A10G"], Path("nothing-is-prepared"))
    assert times.jobs(DATASET, System("large", "tuned", "letter", 500, 1))
    assert "use a larger one, or set training.llamafactory.quantization_bit" in times.unfit["large"]


def test_an_encoder_has_two_jobs_and_a_baseline_none():
    times = JobTimes(shipped("a10g.yaml"), GPUS["A10G"], Path("nothing-is-prepared"))
    jobs = times.jobs(DATASET, System("macbert-base", "tuned", None, 500, 42))
    assert [job.stage for job in jobs] == ["train", "evaluate"]
    assert 0 < jobs[1].seconds < jobs[0].seconds < 600
    assert times.jobs(DATASET, System("tfidf-logreg", "baseline", rows=500)) == []


def test_a_model_of_unknown_size_is_an_error():
    config = shipped()
    config["models"][GEMMA]["source"]["package"] = "no-such-package"
    times = JobTimes(config, CORES, Path("nothing-is-prepared"))
    with pytest.raises(ConfigError, match=r"results/models/gemma-3-270m` first"):
        times.jobs(DATASET, System(GEMMA, "base"))
