"""Jobs tagged gpu=1 never overlap: not within one Snakemake process, nor between two on one machine."""

import json
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tiny import DATASET, ROOT, make_workspace, snakemake, tiny_config

MODELS = ["qwen2.5-7b-instruct", "llama-3-8b-instruct", "chatglm3-6b", "baichuan2-7b-chat"]
TARGETS = [f"results/sft/{model}/{DATASET}/letter/24-rows/seed-1/training.json" for model in MODELS]
PATH = f"{ROOT / 'tests/bin'}:{os.environ['PATH']}"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    path = tmp_path / "records"
    path.mkdir()
    return path


def study(directory: Path, tiny_models: dict[str, Path]) -> Path:
    """A workspace of four models in which everything before training is done."""
    workspace = make_workspace(directory, tiny_config(dict.fromkeys(MODELS, tiny_models["tiny-a"])))
    snakemake(workspace, *TARGETS, "--until", "render_configs")
    return workspace


def assert_one_at_a_time(records: Path, jobs: int) -> None:
    runs = sorted((json.loads(path.read_text()) for path in records.iterdir()), key=lambda run: run["started"])
    assert len(runs) == jobs
    for earlier, later in pairwise(runs):
        assert earlier["ended"] <= later["started"]


def waited(workspace: Path) -> list[Path]:
    logs = (workspace / "results/logs/train_lora").rglob("*.log")
    return [log for log in logs if "waiting for another job" in log.read_text()]


def test_profile_limits_one_process_and_the_lock_two(tiny_models, tmp_path, records):
    first = study(tmp_path / "first", tiny_models)
    second = shutil.copytree(first, tmp_path / "second", symlinks=True)
    snakemake(first, "--cores", "8", *TARGETS, PATH=PATH, STAND_IN_RECORDS=str(records))
    assert_one_at_a_time(records, 4)
    assert waited(first) == []  # the profile's limit alone kept them apart

    for target in TARGETS:
        (first / target).unlink()
        shutil.rmtree((first / target).parent / "adapter")
    for path in records.iterdir():
        path.unlink()
    environment = {**os.environ, "PATH": PATH, "STAND_IN_RECORDS": str(records)}
    command = ["snakemake", "--cores", "8", *TARGETS]
    running = [
        subprocess.Popen(command, cwd=workspace, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for workspace in (first, second)
    ]
    for process in running:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output.decode()
    assert_one_at_a_time(records, 8)
    assert waited(first) or waited(second)  # the lock kept them apart
