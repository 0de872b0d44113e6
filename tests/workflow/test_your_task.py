"""docs/your-task.md as it is written: from two spreadsheets to a planned study."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tiny import ROOT, make_workspace

PAGES = ("docs/your-task.md", "docs/your-task_zh.md")


def commands(page: str) -> list[str]:
    """Return the commands of a page's first block."""
    return re.search(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)[1].splitlines()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "study", yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8")))


def run(workspace: Path, *command: str) -> subprocess.CompletedProcess:
    program = [sys.executable, "-m", "finintent.cli"] if command[0] == "finintent" else [command[0]]
    return subprocess.run([*program, *command[1:]], cwd=workspace, capture_output=True, text=True, check=False)


def test_both_pages_give_the_same_commands():
    assert commands(PAGES[0]) == commands(PAGES[1])
    assert len(commands(PAGES[0])) == 3


def test_the_commands_lead_to_a_planned_study(workspace: Path):
    new, study, _ = (shlex.split(command) for command in commands(PAGES[0]))
    written = run(workspace, *new)
    assert written.returncode == 0, written.stderr
    assert "14 rows, 14 usable: Billing" in written.stdout
    assert written.stdout.strip().splitlines()[-1].split() == study
    planned = run(workspace, *study, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    for rule in ("read_own_rows", "train_lora", "write_report"):
        assert rule in planned.stdout
    assert "generate_candidates" not in planned.stdout
    curated = run(workspace, "snakemake", "results/curated/my_support/README.md", *study[1:])
    assert curated.returncode == 0, curated.stderr
    assert "rows taken from the file rows.csv" in (workspace / "results/curated/my_support/README.md").read_text()
    again = run(workspace, *new)
    assert again.returncode == 1
    assert "exists and is not overwritten" in again.stderr
