"""The shipped configuration, and the messages for wrong ones."""

import copy
import json
import re
import shutil
from collections.abc import Callable

import pytest
import yaml

from finintent.config.whole import complete_config
from finintent.errors import ConfigError
from finintent.task.system import LINEAR_BASELINE, MAJORITY_BASELINE
from finintent.training.arguments import OWN_KEYS
from tiny import ROOT, make_workspace, planned, snakemake, write_config

CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
A10G = yaml.safe_load((ROOT / "config/a10g.yaml").read_text(encoding="utf-8"))
HUB = {"type": "huggingface", "repo_id": "a/b", "size_gb": 1}
JOBS = {
    "all": 1, "analyse_errors": 1, "check_estimate": 1, "check_merge": 1, "collect_candidates": 1, "compare_models": 1,
    "curate_dataset": 1,
    "describe_alpaca": 1,
    "evaluate_base": 1, "evaluate_few_shot": 1, "evaluate_tuned": 1, "format_alpaca": 1, "measure_quality": 1,
    "merge_lora": 1, "plot_accuracy": 1, "plot_baseline": 1, "plot_learning_curve": 1, "plot_model": 1,
    "plot_quality": 1, "prepare_model": 1, "prepare_questions": 1, "render_configs": 1,
    "summarise_cost": 1, "score_predictions": 5, "summarise_runs": 1,
    "tabulate_accuracy": 1, "train_baseline": 1, "train_lora": 1,
    "write_card": 1, "write_model_card": 1, "write_report": 1,
}  # fmt: skip


@pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
def test_shipped_configuration_plans_the_study(tmp_path, snakefile: str):
    assert planned(make_workspace(tmp_path / "study", CONFIG), "--snakefile", snakefile) == JOBS


def test_the_overlay_of_the_four_models_adds_their_downloads(tmp_path):
    workspace = make_workspace(tmp_path / "study", CONFIG)
    shutil.copy2(ROOT / "config/a10g.yaml", workspace / "config")
    counts = planned(workspace, "--resources", "gpu=1", "--configfile", "config/a10g.yaml")
    assert counts.keys() == JOBS.keys() | {"download_model"}
    assert [counts[rule] for rule in ("download_model", "prepare_model", "train_lora", "merge_lora")] == [4] * 4


def test_a_second_recipe_shares_the_model_and_its_untuned_answers(tmp_path):
    config = copy.deepcopy(CONFIG)
    config["models"]["hub"] = {"source": HUB, "template": "qwen"}
    config["study"] |= {"models": ["hub"], "recipes": ["label"]}
    workspace = make_workspace(tmp_path / "study", config)
    one = planned(workspace)
    config["study"]["recipes"] = ["label", "letter"]
    write_config(workspace, config)
    two = planned(workspace)
    for rule in ("download_model", "prepare_model", "evaluate_base", "evaluate_few_shot"):
        assert one[rule] == two[rule] == 1
    for rule in ("format_alpaca", "train_lora", "merge_lora", "evaluate_tuned"):
        assert (one[rule], two[rule]) == (1, 2)
    config["study"] |= {"train_sizes": [100], "recipe_sizes": {"letter": [200]}}
    write_config(workspace, config)
    sizes = {"train_lora": 3, "train_baseline": 3}  # label: 500 and 100 rows, letter: 200
    assert planned(workspace).items() >= sizes.items()


def test_a_recipe_shows_the_same_rows_in_another_order(tmp_path):
    config = copy.deepcopy(CONFIG)
    config["recipes"] = {
        name: {"answer": "letter", "shuffle_options": shuffle} for name, shuffle in (("own", False), ("mixed", True))
    }
    config["study"]["recipes"] = ["own", "mixed"]
    workspace = make_workspace(tmp_path / "study", config)
    paths = [f"results/alpaca/intent_understanding/{name}/500-rows/train.json" for name in ("own", "mixed")]
    snakemake(workspace, *paths)
    plain, mixed = (json.loads((workspace / path).read_text(encoding="utf-8")) for path in paths)
    questions = [[row["instruction"].split("\n")[0] for row in rows] for rows in (plain, mixed)]
    assert questions[0] == questions[1]
    assert plain != mixed


def test_a_merged_model_is_used_and_deleted_before_the_next_is_made(tmp_path):
    workspace = make_workspace(tmp_path / "study", CONFIG)
    shutil.copy2(ROOT / "config/a10g.yaml", workspace / "config")
    output = snakemake(workspace, "--dry-run", "--configfile", "config/a10g.yaml").stdout
    jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", output, re.MULTILINE)
    # A dry run shows priorities, not the order in which jobs will run.
    priorities = {rule: int(found[1]) for rule, job in jobs if (found := re.search(r"priority: (\d+)", job))}
    assert priorities == {"check_merge": 1, "evaluate_tuned": 1}
    assert len(re.findall(r"Would remove temporary output results/merged/.*/model\b", output)) == 4


def test_every_model_of_the_overlay_can_be_chosen(tmp_path):
    models = list(A10G["models"])
    workspace = make_workspace(tmp_path / "study", CONFIG)
    shutil.copy2(ROOT / "config/a10g.yaml", workspace / "config")
    targets = [f"results/models/{name}" for name in models]
    counts = planned(workspace, *targets, "--configfile", "config/a10g.yaml")
    assert counts == {"download_model": len(models), "prepare_model": len(models)}


def test_the_templates_of_the_overlay_are_llamafactorys():
    from llamafactory.data.template import TEMPLATES

    assert {model.get("template", "qwen") for model in A10G["models"].values()} <= TEMPLATES.keys()


def test_other_sources_change_their_own_job_only(tmp_path):
    config = copy.deepcopy(CONFIG)
    dataset = config["datasets"]["intent_understanding"]
    dataset["evaluation"] = {"source": "openfindata", "task": "intent_understanding", "marker": "问句:"}
    dataset["generation"]["backend"] = "anthropic"
    counts = planned(make_workspace(tmp_path / "study", config))
    swapped = {"download_questions", "generate_candidates"}
    assert counts == dict.fromkeys(swapped, 1) | {
        rule: count for rule, count in JOBS.items() if rule != "collect_candidates"
    }


def test_the_other_task_of_the_catalogue_is_planned_the_same_way(tmp_path):
    config = copy.deepcopy(CONFIG)
    config["study"]["datasets"] = ["emotion_identification"]
    counts = planned(make_workspace(tmp_path / "study", config))
    assert counts["download_questions"] == counts["generate_candidates"] == 1
    own = {"download_questions", "generate_candidates"}
    assert {rule: count for rule, count in counts.items() if rule not in own} == {
        rule: count for rule, count in JOBS.items() if rule != "collect_candidates"
    }


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
        (change("seed", "one"), r"seed is 'one', expected an integer of at least 0"),
        (change("study/models", ["gpt"]), r"study\.models names 'gpt', which is not in the catalogue"),
        (change("study/models", []), r"study\.models is \[\], expected a list of one or more"),
        (change("datasets/intent_understanding/evaluation", None), r"intent_understanding lacks the key 'evaluation'"),
        (change("datasets/intent_understanding/resources", "here"), r"resources is 'here', where there is no taxonomy"),
        (change("training/lora_rank", 0), r"training\.lora_rank is 0, expected an integer of at least 1"),
        (change("training/precision", "int8"), r"training\.precision is 'int8', expected one of"),
        (change("models/gemma-3-270m/training", {"rank": 8}), r"has the unknown key 'rank'"),
        (
            change("training/llamafactory", {"output_dir": "x"}),
            r"training\.llamafactory\.output_dir is set by the workflow itself",
        ),
        (
            change("training/llamafactory", {"per_device_train_batch_size": 2}),
            r"training\.llamafactory\.per_device_train_batch_size is set by the workflow itself",
        ),
        (
            change("training/llamafactory", {"lora_rank": 2}),
            r"training\.llamafactory\.lora_rank has a key of its own: write training\.lora_rank",
        ),
        (change("models/gemma-3-270m/source/type", "web"), r"gemma-3-270m\.source\.type is 'web', expected one of"),
        (change("models/gemma-3-270m/source/sha256", None), r"gemma-3-270m\.source lacks the key 'sha256'"),
        (change("models/bad id", {}), r"models has the id 'bad id', expected one that matches"),
        (change("models/tfidf-logreg", CONFIG["models"]["gemma-3-270m"]), r"has the name of a baseline"),
        (
            change("models/gemma-3-270m", {"source": {"type": "local", "path": "nowhere"}, "template": "gemma"}),
            r"source\.path is 'nowhere', where there is no config\.json",
        ),
        (
            change("models/gemma-3-270m/source", HUB | {"revision": "main"}),
            r"source\.revision is 'main', expected text",
        ),
        (
            change("models/gemma-3-270m/source", HUB | {"repo": "x"}),
            r"source has the unknown key 'repo'; the known",
        ),
        (change("models/gemma-3-270m/source", HUB | {"convert": "glm"}), r"source\.convert is 'glm', expected one of"),
        (
            change("models/gemma-3-270m/source", HUB | {"files": []}),
            r"source\.files is \[\], expected a list of one or more values",
        ),
        (change("models/gemma-3-270m/source", HUB), r"gemma-3-270m\.vocabulary works for GGUF sources only"),
        (
            change("models/gemma-3-270m/source", {"type": "modelscope", "model_id": "a/b", "size_gb": 1}),
            r"gemma-3-270m\.source lacks the key 'revision': its commit",
        ),
        (
            change("models/gemma-3-270m/template", None),
            r"models\.gemma-3-270m lacks the key 'template', which only",
        ),
        (
            change("training/llamafactory", {"trust_remote_code": True}),
            r"llamafactory\.trust_remote_code is set by",
        ),
        (
            change("datasets/intent_understanding/generation/backend", "huggingface"),
            r"generation\.backend is 'huggingface', but there is no block of that name",
        ),
        (
            change("datasets/intent_understanding/generation/anthropic/mode", "async"),
            r"anthropic\.mode is 'async', expected one of",
        ),
        (
            change("datasets/intent_understanding/evaluation/claude", {"store": "s", "model": "m", "mode": "async"}),
            r"evaluation\.claude\.mode is 'async', expected one of",
        ),
        (
            change(
                "datasets/intent_understanding/evaluation/claude",
                {"store": "resources/intent_understanding/responses.jsonl", "model": "m"},
            ),
            r"evaluation\.claude and datasets\.intent_understanding\.generation\.anthropic share the store 'resources",
        ),
        (
            change("datasets/intent_understanding/evaluation/source", "openfindata"),
            r"intent_understanding\.evaluation lacks the key 'task', which its source",
        ),
        (change("baseline/min_ngram", 5), r"baseline\.min_ngram is 5, above max_ngram, which is 3; lower"),
        (change("training/llamafactory", {"report_to": "wandb"}), r"llamafactory\.report_to is set by the workflow"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(monkeypatch, edit, message: str):
    monkeypatch.chdir(ROOT)
    config = copy.deepcopy(CONFIG)
    edit(config)
    with pytest.raises(ConfigError, match=message) as error:
        complete_config(config, set_by_workflow=OWN_KEYS, baselines=(LINEAR_BASELINE, MAJORITY_BASELINE))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_the_mistake_reaches_the_user_before_any_job(tmp_path):
    config = copy.deepcopy(CONFIG)
    config["sead"] = 1
    result = snakemake(make_workspace(tmp_path / "study", config), check=False)
    assert result.returncode != 0
    assert "config: the top level has the unknown key 'sead'" in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


def test_every_rule_that_loads_a_model_is_tagged(tmp_path):
    workspace = make_workspace(tmp_path / "study", CONFIG)
    output = snakemake(workspace, "--dry-run").stdout
    tagged = set(re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: .*gpu=1", output, re.MULTILINE))
    assert tagged == {
        "render_configs", "train_lora", "merge_lora", "check_merge",
        "evaluate_base", "evaluate_few_shot", "evaluate_tuned",
    }  # fmt: skip
