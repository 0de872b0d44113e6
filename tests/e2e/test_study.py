"""The whole study of two tiny random models, every stage for real."""

import json
import re
import shutil
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from finintent.data.alpaca import alpaca_row
from finintent.errors import MergeError
from finintent.inference.prompting import Prompter
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from finintent.training.merge_check import check_merge
from tiny import DATASET, ROOT, snakemake

MODEL = f"tiny-a/{DATASET}"
STEM = f"{MODEL}/letter/24-rows/seed-1"
RESOURCES = ROOT / "tests/datasets" / DATASET


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def results(finished: Path, monkeypatch) -> Path:
    monkeypatch.chdir(finished)
    return finished / "results"


def test_no_job_waited_for_another_to_free_a_card(results: Path):
    logs = [path.read_text(encoding="utf-8") for path in (results / "logs").rglob("*.log")]
    assert sum("this job uses GPU" in log for log in logs) > 2
    assert not any("waiting for another job" in log for log in logs)


def test_training_record(results: Path):
    record = read(results / f"sft/{STEM}/training.json")
    assert record["rows"] == 24
    assert [entry["epoch"] for entry in record["validation_loss"]] == [1, 2]
    best = min(record["validation_loss"], key=lambda entry: entry["loss"])
    assert (record["best_epoch"], record["best_validation_loss"]) == (best["epoch"], best["loss"])
    assert record["training_loss"][-1]["loss"] < record["training_loss"][0]["loss"]
    assert record["rows_per_second"] > 0
    assert 10**8 < record["peak_memory_bytes"] < 10**10
    assert record["versions"]["llamafactory"] == "0.9.5"
    assert record["seed"] == 1


def test_checkpoints_are_gone_and_the_adapter_stays(results: Path):
    assert not list((results / "checkpoints").rglob("*.safetensors"))
    kept = {path.name for path in (results / f"sft/{STEM}/adapter").glob("[!.]*")}
    assert kept == {"adapter_config.json", "adapter_model.safetensors"}


@pytest.mark.parametrize("form", ["letter", "label"])
def test_prompt_of_evaluation_is_that_of_training_token_by_token(results: Path, tmp_path: Path, form: str):
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.extras.constants import IGNORE_INDEX
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    taxonomy = read_taxonomy(RESOURCES / "taxonomy.yaml")
    instruction = read_instruction(RESOURCES / "prompts/instruction.yaml")
    rows = [alpaca_row(row, taxonomy, instruction, form) for row in lines(results / f"curated/{DATASET}/train.jsonl")]
    written = results / f"alpaca/{DATASET}/letter/24-rows"
    if form == "letter":
        assert read(written / "train.json") == rows
    shutil.copytree(written, tmp_path / "alpaca")
    (tmp_path / "alpaca/train.json").write_text(json.dumps(rows), encoding="utf-8")

    config = yaml.safe_load((results / f"sft/{STEM}/train.yaml").read_text())
    model_args, data_args, training_args, *_ = get_train_args(config | {"dataset_dir": str(tmp_path / "alpaca")})
    tokenizer = load_tokenizer(model_args)
    template = get_template_and_fix_tokenizer(tokenizer["tokenizer"], data_args)
    trained = get_dataset(template, model_args, data_args, training_args, stage="sft", **tokenizer)["train_dataset"]

    prompter = Prompter(config["model_name_or_path"], config["template"])
    position = prompter.deciding_position(["A", "B", "C"])
    assert len(trained) == len(rows) == 24
    for row, example in zip(rows, trained, strict=True):
        prompt, answer = prompter.encode(row["instruction"], row["output"])
        assert example["input_ids"] == prompt + answer
        first = next(index for index, label in enumerate(example["labels"]) if label != IGNORE_INDEX)
        assert first == len(prompt)
        if form == "letter":
            # The first trained position is where evaluation reads the letter, and it holds that letter's id.
            assert example["labels"][first + len(position.prefix)] == position.token_ids[row["output"]]
        else:
            (scored,) = prompter.whole_answers([row["output"]])
            assert example["labels"][first : first + len(scored)] == scored


def test_predictions(results: Path):
    folders = [f"{MODEL}/base", f"{MODEL}/few_shot", STEM]
    for folder in folders:
        rows = lines(results / f"predictions/{folder}/evaluation.jsonl")
        assert [row["id"] for row in rows] == [str(number) for number in range(6)]
        for row in rows:
            assert set(row["log_probabilities"]) == {"billing", "shipping", "account"}
            assert all(value < 0 for value in row["log_probabilities"].values())
            assert isinstance(row["text"], str)
            orders = {str(order["options"]) for order in [row, *row.get("permutations", [])]}
            assert len(orders) == (1 if folder.endswith("few_shot") else 5)
        assert len(lines(results / f"predictions/{folder}/validation.jsonl")) == 9
    base, few_shot, tuned = (lines(results / f"predictions/{folder}/evaluation.jsonl") for folder in folders)
    assert base != tuned
    assert base != few_shot


def test_merge_check_passes_and_a_merge_that_is_the_base_fails(results: Path, tmp_path: Path):
    record = read(results / f"merged/{STEM}/merge_check.json")
    assert record["changed_tensors"] == 14  # seven matrices in each of two layers
    assert record["merged_minus_adapted"] < record["tolerance"] < record["base_minus_adapted"]
    base, adapter = results / "models/tiny-a", results / f"sft/{STEM}/adapter"
    with pytest.raises(MergeError, match="every tensor equals the base's"):
        check_merge(base, adapter, base, [[2, 3, 4]])

    half = Path(shutil.copytree(results / f"merged/{STEM}/model", tmp_path / "half"))
    weights, original = (load_file(folder / "model.safetensors") for folder in (half, base))
    name = next(name for name in weights if "down_proj" in name)
    weights[name] = original[name]
    save_file(weights, half / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MergeError, match=r"differ from base \+ adapter"):
        check_merge(base, adapter, half, [[2, 270, 280, 290], [2, 300]])


def test_merged_model_loads_on_its_own(results: Path):
    model = AutoModelForCausalLM.from_pretrained(results / f"merged/{STEM}/model")
    assert model.config.vocab_size == len(Prompter(f"results/merged/{STEM}/model", "gemma").tokenizer)


def test_comparison_holds_every_model(results: Path):
    table = pd.read_csv(results / f"comparison/{DATASET}/accuracy.csv")
    assert set(zip(table["model"], table["variant"], strict=True)) == {
        *product(("tiny-a", "tiny-b"), ("base", "few_shot", "tuned")),
        *product(("tfidf-logreg", "majority-class"), ["baseline"]),
    }
    assert (table["correct"] / table["questions"]).tolist() == pytest.approx(table["accuracy"].tolist(), abs=1e-5)
    tests = pd.read_csv(results / f"comparison/{DATASET}/tests.csv")
    # Each tuned model against its base and the linear baseline, and the two against each other.
    assert tests["purpose"].tolist() == ["tuning"] * 2 + ["linear"] * 2 + ["models"]


def test_markdown_report_holds_the_numbers_of_the_run(results: Path):
    text = (results / f"comparison/{DATASET}/report.md").read_text(encoding="utf-8")
    summary = read(results / f"comparison/{DATASET}/summary.json")
    for sentence in summary["answer"]:
        assert sentence in text
    table = pd.read_csv(results / f"comparison/{DATASET}/accuracy.csv")
    for row in table[table["scorer"] == "loglikelihood"].itertuples():
        assert f"| {row.name} | loglikelihood | {100 * row.accuracy:.1f} |" in text
    published = r"\| original study \| \S+ \| .+ \| Qwen2.5-7B-Instruct \| tuned \| 88.0 \| 78.7 to 93.6 \| 75 \|"
    assert re.search(published, text)
    rows = text.split("| job |")[1].splitlines()
    jobs = [row.split(" | ")[2] for row in rows if re.match(r"\| tiny-a tuned \(\w+, 24 rows\) \| 1 \|", row)]
    assert jobs == ["train", "merge", "check merge", "evaluate"]
    assert "None" not in text
    assert "| nan |" not in text


def test_report_is_one_offline_file_with_the_numbers(workspace: Path):
    snakemake(workspace, "--report", "report.html")
    html = (workspace / "report.html").read_text(encoding="utf-8")
    accuracy = read(workspace / f"results/comparison/{DATASET}/summary.json")["best"]["mean"]
    assert f"{100 * accuracy:.1f} %" in html
    assert not re.search(r"""<(script|link|img)[^>]*(src|href)=["']?http""", html)


def test_an_interrupted_run_resumes_from_its_last_epoch(workspace: Path, monkeypatch):
    from llamafactory.train.tuner import run_exp

    monkeypatch.chdir(workspace)
    config = yaml.safe_load((workspace / f"results/sft/{STEM}/train.yaml").read_text())
    checkpoints = workspace / config["output_dir"]
    # What a killed run leaves: the checkpoint of the first epoch, and no finished adapter.
    run_exp(config | {"save_total_limit": None})
    for path in checkpoints.iterdir():
        if path.name != "checkpoint-3":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    snakemake(workspace, "--forcerun", "train_lora", "--until", "train_lora", "--", f"results/sft/{STEM}/training.json")
    record = read(workspace / f"results/sft/{STEM}/training.json")
    assert (record["resumed_step"], record["steps"]) == (3, 6)
    assert record["training_loss"][0]["step"] > 3  # the first epoch was not trained again
