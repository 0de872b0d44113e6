"""Encoders in a study: which jobs they add, and a study of two tiny ones for real."""

import json
import re
from pathlib import Path

import pytest

from finintent.task.prediction import read_predictions
from finintent.task.taxonomy import read_taxonomy
from tiny import (
    DATASET,
    ROOT,
    make_workspace,
    planned,
    snakemake,
    tiny_config,
    write_tiny_encoder,
    write_tiny_model,
)

ENCODERS = {"tiny-bert": "bert", "tiny-xlm-r": "xlm-roberta"}
RUNS = [f"{name}/{DATASET}/24-rows/seed-1" for name in ENCODERS]
STAGES_OF_PROMPTS = (
    "render_configs", "train_lora", "merge_lora", "check_merge", "evaluate_base", "evaluate_few_shot", "evaluate_tuned",
    "write_model_card",
)  # fmt: skip


def study(directory: Path, *, language_model: bool = False) -> Path:
    """Return a workspace with a study of two tiny encoders, and of a tiny language model if that is asked for."""
    config = tiny_config({"tiny-a": Path("models/tiny-a")} if language_model else {})
    config["training"].pop("preset", None)
    config["recipes"] = {"letter": {"answer": "letter"}}
    config["study"]["recipes"] = ["letter"]
    for name in ENCODERS:
        config["models"][name] = {"kind": "encoder", "source": {"type": "local", "path": f"models/{name}"}}
    config["study"]["models"] = list(config["models"])
    config["encoder"] = {"precision": "fp32", "num_train_epochs": 2, "batch_size": 8, "max_length": 64}
    workspace = make_workspace(directory / "study", config)
    for name, kind in ENCODERS.items():
        write_tiny_encoder(workspace / "models" / name, kind)
    if language_model:
        write_tiny_model(workspace / "models/tiny-a")
    return workspace


def test_encoders_beside_a_language_model_have_no_prompts_no_adapters_and_no_merge(tmp_path: Path):
    counts = planned(study(tmp_path, language_model=True))
    assert [counts[rule] for rule in STAGES_OF_PROMPTS] == [1] * len(STAGES_OF_PROMPTS)
    assert [counts[rule] for rule in ("train_encoder", "evaluate_encoder")] == [2, 2]
    assert [counts[rule] for rule in ("prepare_model", "plot_model", "plot_baseline")] == [3, 3, 1]
    # Of the language model base, few-shot and tuned, of each encoder one, and two baselines.
    assert counts["score_predictions"] == 3 + 2 + 2


def test_the_rules_of_encoders_are_tagged_as_jobs_of_the_accelerator(tmp_path: Path):
    output = snakemake(study(tmp_path), "--dry-run").stdout
    tagged = set(re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: .*gpu=1", output, re.MULTILINE))
    assert tagged == {"train_encoder", "evaluate_encoder"}


def test_an_encoder_that_is_not_kept_is_deleted_after_its_answers(tmp_path: Path):
    workspace = study(tmp_path)
    output = snakemake(workspace, "--dry-run", "--config", "keep_merged=False").stdout
    assert [f"Would remove temporary output results/encoders/{run}/model" in output for run in RUNS] == [True, True]


@pytest.mark.parametrize(
    "target",
    [
        f"results/predictions/tiny-bert/{DATASET}/base/evaluation.jsonl",
        f"results/predictions/tiny-bert/{DATASET}/few_shot/evaluation.jsonl",
        f"results/predictions/tiny-bert/{DATASET}/letter/24-rows/seed-1/evaluation.jsonl",
        f"results/sft/tiny-bert/{DATASET}/letter/24-rows/seed-1/training.json",
        f"results/encoders/tiny-a/{DATASET}/24-rows/seed-1/training.json",
        f"results/predictions/tiny-a/{DATASET}/24-rows/seed-1/evaluation.jsonl",
    ],
)
def test_no_rule_makes_of_one_kind_what_the_other_has(tmp_path: Path, target: str):
    result = snakemake(study(tmp_path, language_model=True), "--dry-run", target, check=False)
    assert "MissingRuleException" in result.stdout + result.stderr


def test_a_language_model_as_an_encoder_is_refused_in_one_sentence(tmp_path: Path):
    workspace = study(tmp_path)
    write_tiny_model(workspace / "models/tiny-bert")
    result = snakemake(workspace, "results/models/tiny-bert", check=False)
    assert "models/tiny-bert/config.json: model_type is 'llama', expected an encoder" in result.stderr + result.stdout
    assert "Traceback" not in (workspace / "results/logs/prepare_model/tiny-bert.log").read_text()


def test_two_encoders_train_and_answer(tmp_path: Path):
    workspace = study(tmp_path)
    snakemake(workspace, *(f"results/predictions/{run}/evaluation.jsonl" for run in RUNS))
    codes = read_taxonomy(ROOT / "tests/datasets" / DATASET / "taxonomy.yaml").codes
    for run in RUNS:
        record = json.loads((workspace / f"results/encoders/{run}/training.json").read_text())
        assert (record["rows"], record["seed"], record["steps"]) == (24, 1, 6)
        assert record["settings"]["learning_rate"] == 3e-5
        assert [entry["epoch"] for entry in record["validation_loss"]] == [1, 2]
        assert record["job_seconds"] > 0
        assert record["versions"].keys() >= {"transformers", "torch"}
        assert record["data_sha256"].keys() == {"train", "validation"}
        for split, questions in (("evaluation", 6), ("validation", 9)):
            rows = read_predictions(workspace / f"results/predictions/{run}/{split}.jsonl", codes)
            assert len(rows) == questions
            assert all(row.text is None and row.log_probabilities for row in rows)
        job = json.loads((workspace / f"results/predictions/{run}/job.json").read_text())
        assert job["tokens_per_second"] > job["rows_per_second"] > 0
    assert not list((workspace / "results/checkpoints").rglob("*.safetensors"))
    # The same seed gives the same bytes.
    answers = workspace / f"results/predictions/{RUNS[0]}/evaluation.jsonl"
    first = answers.read_bytes()
    snakemake(workspace, "--forcerun", "train_encoder", "--", str(answers.relative_to(workspace)))
    assert answers.read_bytes() == first
