"""The commands of "Parts of a study" in docs/your-task.md, as they are written."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tiny import ROOT, make_workspace, planned, snakemake, write_tiny_model

PAGES = {"docs/your-task.md": "## Parts of a study", "docs/your-task_zh.md": "## 只运行其中一部分"}


def commands(page: str) -> list[str]:
    """Return the commands of a page's section on parts."""
    section = (ROOT / page).read_text(encoding="utf-8").partition(PAGES[page])[2]
    return re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1].splitlines()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the tiny data set as my_support, and a model folder from elsewhere."""
    folder = tmp_path_factory.mktemp("parts")
    workspace = make_workspace(
        folder / "study", yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    )
    resources = "tests/datasets/support_topics"
    generation = {
        "backend": "recorded",
        "recorded": {"responses": f"{resources}/recorded_responses.jsonl", "dataset": "support_topics"},
    }
    entry = {
        "resources": resources,
        "generation": generation,
        "curation": {"train_rows": 24, "validation_rows": 9, "min_characters": 4},
        "evaluation": {"path": f"{resources}/eval.json", "marker": "Question:"},
    }
    model = {
        "source": {"type": "local", "path": str(write_tiny_model(folder / "elsewhere"))},
        "template": "gemma",
    }
    study = {"study": {"datasets": ["my_support"]}, "datasets": {"my_support": entry}, "models": {"elsewhere": model}}
    (workspace / "config/my_support.yaml").write_text(yaml.safe_dump(study))
    return workspace


def test_both_pages_give_the_same_commands():
    assert commands("docs/your-task.md") == commands("docs/your-task_zh.md")


@pytest.mark.parametrize(
    ("number", "rules", "absent"),
    [
        (0, {"write_card", "curate_dataset"}, {"train_lora", "prepare_model", "evaluate_base"}),
        (1, {"train_lora", "prepare_model"}, {"merge_lora", "evaluate_base"}),
        (2, {"prepare_model", "evaluate_base", "score_predictions"}, {"train_lora", "evaluate_few_shot"}),
    ],
)
def test_a_part_plans_its_jobs_alone(workspace: Path, number: int, rules: set[str], absent: set[str]):
    program, *arguments = shlex.split(commands("docs/your-task.md")[number])
    assert program == "snakemake"
    found = planned(workspace, *arguments)
    assert rules <= {*found}
    assert not absent & {*found}


def test_a_target_after_an_option_of_several_values_is_taken_for_one_of_them(workspace: Path):
    target = "results/curated/my_support/README.md"
    result = snakemake(workspace, "--dry-run", "--configfile", "config/my_support.yaml", target, check=False)
    assert result.returncode != 0
    assert target in result.stdout + result.stderr
