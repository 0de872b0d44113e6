"""What it costs to plan a large study: no rule reads the whole configuration for each of its jobs."""

import copy
import pstats
import subprocess
import sys
from pathlib import Path

import pytest

from tiny import DATASET, make_workspace, tiny_config

MODELS, DATASETS = 10, 4
CALLS_A_JOB = 18_000  # Snakemake itself takes about 6,500, and 5 million to begin with


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> pstats.Stats:
    """Return the profile of the dry run of a grid of models and data sets."""
    config = tiny_config({f"tiny-{number}": Path(f"models/tiny-{number}") for number in range(MODELS)})
    dataset = config["datasets"].pop(DATASET)
    dataset["generation"]["recorded"]["dataset"] = DATASET
    config["datasets"] = {f"topics_{number}": copy.deepcopy(dataset) for number in range(DATASETS)}
    config["study"]["datasets"] = list(config["datasets"])
    workspace = make_workspace(tmp_path_factory.mktemp("large") / "study", config)
    for model in config["models"]:
        (workspace / "models" / model).mkdir(parents=True)
        (workspace / "models" / model / "config.json").write_text("{}")
    path = workspace / "plan.prof"
    command = [sys.executable, "-m", "cProfile", "-o", path, "-m", "snakemake", "--cores", "1", "--dry-run", "--quiet"]
    subprocess.run(command, cwd=workspace, check=True, capture_output=True)
    return pstats.Stats(str(path))


def calls(profile: pstats.Stats, file: str, function: str | None = None) -> int:
    """Return how often the functions of a file were called."""
    return sum(
        count
        for (path, _, name), (_, count, *_) in profile.stats.items()
        if path.endswith(file) and function in (None, name)
    )


def test_no_job_walks_the_whole_configuration(profile: pstats.Stats):
    assert calls(profile, "dpath/segments.py", "walk") == 0


def test_the_calls_of_planning_are_in_proportion_to_the_jobs(profile: pstats.Stats):
    jobs = calls(profile, "snakemake/rules.py", "expand_params")
    assert jobs > MODELS * DATASETS * 14
    assert profile.total_calls < jobs * CALLS_A_JOB


def test_code_is_read_once_a_rule_and_not_once_a_job(profile: pstats.Stats):
    assert calls(profile, "code_digest.py", "code_digest") < 50
