"""What it costs to plan a large study: no rule reads the whole configuration for each of its jobs."""

import pstats
import subprocess
import sys

import pytest

from large import make_large_study

MODELS, DATASETS = 10, 4
# Each job costs Snakemake about 2 ms and 24 kB: `python tests/large.py` measures 100 models on 20 data sets.
JOBS_A_MODEL_AND_DATASET, JOBS_A_DATASET = 12, 21
CALLS_A_JOB = 20_000  # Snakemake itself takes about 6,500, and 5 million to begin with, 6 with the plugins for clusters


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> pstats.Stats:
    """Return the profile of the dry run of a grid of models and data sets."""
    workspace = make_large_study(tmp_path_factory.mktemp("large"), MODELS, DATASETS)
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
    assert profile.total_calls < calls(profile, "snakemake/rules.py", "expand_params") * CALLS_A_JOB


def test_a_model_on_a_data_set_takes_few_jobs(profile: pstats.Stats):
    most = MODELS * DATASETS * JOBS_A_MODEL_AND_DATASET + DATASETS * JOBS_A_DATASET + MODELS + 1
    assert 400 < calls(profile, "snakemake/rules.py", "expand_params") <= most


def test_code_is_read_once_a_rule_and_not_once_a_job(profile: pstats.Stats):
    assert calls(profile, "code_digest.py", "code_digest") < 50
