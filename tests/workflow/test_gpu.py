"""Jobs tagged gpu=1 never share a card: not within one Snakemake process, nor between two on one machine."""

import json
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tiny import DATASET, ROOT, fake_cards, make_workspace, snakemake, tiny_config

MODELS = ["qwen2.5-7b-instruct", "llama-3-8b-instruct", "chatglm3-6b", "baichuan2-7b-chat"]
TARGETS = [f"results/sft/{model}/{DATASET}/letter/24-rows/seed-1/training.json" for model in MODELS]
PATH = f"{ROOT / 'tests/bin'}:{os.environ['PATH']}"
FOUR_CARDS = fake_cards(4)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    path = tmp_path / "records"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def prepared(tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of four models in which everything before training is done: to copy."""
    workspace = tmp_path_factory.mktemp("prepared") / "study"
    make_workspace(workspace, tiny_config(dict.fromkeys(MODELS, tiny_models["tiny-a"])))
    snakemake(workspace, *TARGETS, "--until", "render_configs")
    return workspace


@pytest.fixture
def two(prepared: Path, tmp_path: Path) -> list[Path]:
    """Two workspaces that know nothing of each other."""
    return [shutil.copytree(prepared, tmp_path / name, symlinks=True) for name in ("first", "second")]


def train(workspaces: list[Path], records: Path, *arguments: str, **environment: str) -> list[dict]:
    """Train in all workspaces at once, and return what the trainers wrote down, in the order of their starts."""
    processes = [
        subprocess.Popen(
            ["snakemake", "--cores", "8", *TARGETS, *arguments],
            cwd=workspace,
            env={**os.environ, "PATH": PATH, "STAND_IN_RECORDS": str(records), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for workspace in workspaces
    ]
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output.decode()
    runs = sorted((json.loads(path.read_text()) for path in records.glob("*.json")), key=lambda run: run["started"])
    assert len(runs) == len(workspaces) * len(TARGETS)
    return runs


def assert_one_at_a_time(runs: list[dict]) -> None:
    for earlier, later in pairwise(runs):
        assert earlier["ended"] <= later["started"]


def most_at_once(runs: list[dict]) -> int:
    return max(sum(run["started"] <= other["started"] < run["ended"] for run in runs) for other in runs)


def logs(*workspaces: Path) -> list[str]:
    return [log.read_text() for workspace in workspaces for log in workspace.glob("results/logs/train_lora/**/*.log")]


def test_the_profile_limits_one_process_to_one_job_at_a_time(two: list[Path], records: Path):
    runs = train(two[:1], records, CUDA_VISIBLE_DEVICES="2", **FOUR_CARDS)
    assert_one_at_a_time(runs)
    assert {run["card"] for run in runs} == {"GPU-2a-uuid"}
    assert not any("waiting" in log for log in logs(*two))


def test_without_a_card_two_processes_take_turns(two: list[Path], records: Path):
    assert_one_at_a_time(train(two, records))
    assert any("waiting for another job on this machine to free the accelerator" in log for log in logs(*two))


def test_two_processes_use_all_of_four_cards_and_share_none(two: list[Path], records: Path):
    runs = train(two, records, "--resources", "gpu=4", STAND_IN_TOGETHER="4", **FOUR_CARDS)
    cards = {run["card"] for run in runs}
    assert cards == {f"GPU-{number}a-uuid" for number in range(4)}
    for card in cards:
        assert_one_at_a_time([run for run in runs if run["card"] == card])
    assert most_at_once(runs) == 4
    assert any("to free GPU 0 or GPU 1 or GPU 2 or GPU 3" in log for log in logs(*two))
