"""The shipped configuration, and what a wrong one is told."""

import copy
from collections.abc import Callable

import pytest
import yaml
from finintent.configuration import check_config
from finintent.errors import ConfigError
from tiny import ROOT, make_workspace, snakemake

CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
JOBS = {
    "all": 1, "check_merge": 1, "collect_candidates": 1, "compare_models": 1, "curate_dataset": 1, "evaluate_model": 2,
    "format_alpaca": 1, "merge_lora": 1, "plot_accuracy": 1, "plot_confusion": 2, "plot_training": 1,
    "prepare_model": 1, "prepare_questions": 1, "render_configs": 1, "summarise_metrics": 2, "train_baseline": 1,
    "train_lora": 1,
}  # fmt: skip


@pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
def test_shipped_configuration_plans_the_study(tmp_path, snakefile: str):
    workspace = make_workspace(tmp_path / "study", CONFIG)
    output = snakemake(workspace, "--dry-run", "--snakefile", snakefile).stdout
    stats = output.split("total")[0].split("-------")[-1]
    counts = {
        rule: int(count) for rule, count in (line.split() for line in stats.strip().splitlines() if line[0] != "-")
    }
    assert counts == JOBS


def change(path: str, value: object) -> Callable[[dict], None]:
    def edit(config: dict) -> None:
        *parents, last = path.split("/")
        for key in parents:
            config = config[key]
        if value is None:
            del config[last]
        else:
            config[last] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (change("sead", 1), r"the top level has the unknown key 'sead'; the known ones are baseline, datasets"),
        (change("seed", "one"), r"seed is 'one', expected a value of type integer"),
        (change("study/models", ["gpt"]), r"study\.models names 'gpt', which is not in the catalogue"),
        (change("study/models", []), r"study\.models is \[\], expected"),
        (change("datasets/intent_understanding/evaluation", None), r"intent_understanding lacks the key 'evaluation'"),
        (change("datasets/intent_understanding/resources", "here"), r"resources is 'here', where there is no taxonomy"),
        (change("training/lora_rank", 0), r"training\.lora_rank is 0, expected minimum 1"),
        (change("training/precision", "int8"), r"training\.precision is 'int8', expected one of"),
        (change("models/gemma-3-270m/training/rank", 8), r"has the unknown key 'rank'"),
        (
            change("training/llamafactory", {"output_dir": "x"}),
            r"training\.llamafactory\.output_dir is set by the workflow itself",
        ),
        (change("models/gemma-3-270m/source/type", "web"), r"models\.gemma-3-270m\.source"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(monkeypatch, edit, message: str):
    monkeypatch.chdir(ROOT)
    config = copy.deepcopy(CONFIG)
    edit(config)
    with pytest.raises(ConfigError, match=message) as error:
        check_config(config, SCHEMA)
    assert "\n" not in str(error.value)


def test_the_mistake_reaches_the_user_before_any_job(tmp_path):
    config = copy.deepcopy(CONFIG)
    config["sead"] = 1
    result = snakemake(make_workspace(tmp_path / "study", config), check=False)
    assert result.returncode != 0
    assert "config: the top level has the unknown key 'sead'" in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


def test_every_key_of_the_schema_is_described():
    def walk(node: dict, path: str) -> None:
        for key, child in node.get("properties", {}).items():
            assert child.get("description"), f"{path}.{key} has no description"
            walk(child, f"{path}.{key}")

    walk(SCHEMA, "config")
