"""Which jobs an edit makes stale, by dry runs on a finished study."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tiny import DATASET, snakemake

Job = tuple[str, str]
CONFIG = "config/config.yaml"
RESOURCES = f"tests/datasets/{DATASET}"
PACKAGE = "workflow/scripts/finintent"
COMPARISON = {
    "tabulate_accuracy",
    "compare_models", "plot_accuracy", "analyse_errors", "summarise_runs", "plot_learning_curve", "summarise_cost",
    "check_estimate", "write_report",
}  # fmt: skip
TUNING = {"render_configs", "train_lora", "merge_lora", "check_merge"}
METRICS = {"score_predictions", "plot_model"}
CARDS = {"write_model_card"}
QUALITY = {"measure_quality", "plot_quality", "write_card"}
TRAINING = TUNING | {"evaluate_tuned"} | METRICS | CARDS | COMPARISON
EVALUATION = {"evaluate_base", "evaluate_few_shot"}
FORMATTING = TRAINING | EVALUATION | {"format_alpaca"}
EVERYTHING_BUT_MODELS = (
    FORMATTING | QUALITY | {"prepare_questions", "curate_dataset", "train_baseline", "plot_baseline"}
)


def jobs(workspace: Path) -> set[Job]:
    """Return the rule and the model of each job that a dry run lists, `all` aside."""
    output = snakemake(workspace, "--dry-run").stdout
    found = set()
    for rule, details in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", output, re.MULTILINE):
        model = re.search(r"wildcards: .*model=([\w.-]+)", details)
        found.add((rule, model[1] if model else ""))
    return {job for job in found if job[0] != "all"}


def replace(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(workspace: Path) -> None:
        text = (workspace / path).read_text(encoding="utf-8")
        assert old in text
        (workspace / path).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def configure(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def edit(workspace: Path) -> None:
        config = yaml.safe_load((workspace / CONFIG).read_text(encoding="utf-8"))
        change(config)
        (workspace / CONFIG).write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    return edit


def swap_rank_and_alpha(config: dict) -> None:
    training = config["training"]
    training["lora_rank"], training["lora_alpha"] = training["lora_alpha"], training["lora_rank"]


def raise_learning_rate_of_a(config: dict) -> None:
    config["models"]["tiny-a"]["training"] = {"learning_rate": 0.02}


def compute_less_at_once(config: dict) -> None:
    config["training"]["per_device_eval_batch_size"] = 2
    config["gpu"] = {"memory_gb": 8}


def reverse_keys(config: dict) -> None:
    config["training"] = dict(reversed(config["training"].items()))


def append(path: str, text: str) -> Callable[[Path], None]:
    def edit(workspace: Path) -> None:
        with open(workspace / path, "a", encoding="utf-8") as file:
            file.write(text)

    return edit


EDITS = {
    "nothing": (lambda workspace: None, set()),
    "two parameters swap values": (
        configure(swap_rank_and_alpha),
        TRAINING,
    ),
    "wording of the prompt": (
        replace(f"{RESOURCES}/prompts/instruction.yaml", "Answer", "Reply"),
        FORMATTING | {"write_card"},
    ),
    "an evaluation question": (
        replace(f"{RESOURCES}/eval.json", "Customs form for Brazil", "Customs form for Peru"),
        EVERYTHING_BUT_MODELS,
    ),
    "the number of examples in a prompt": (
        configure(lambda config: config.update(scoring={"few_shot": 2})),
        {"evaluate_few_shot"} | METRICS | COMPARISON,
    ),
    "how many questions are answered at once": (
        configure(lambda config: config.update(scoring={"batch_size": 2})),
        set(),
    ),
    "how many rows are validated at once, and the card": (
        configure(compute_less_at_once),
        set(),
    ),
    "the price of the machine": (
        configure(lambda config: config.update(gpu={"usd_per_hour": 2})),
        {"summarise_cost", "check_estimate", "compare_models", "write_report"},
    ),
    "a module that one stage uses": (
        append(f"{PACKAGE}/inference/baseline.py", "\nNGRAMS = 1\n"),
        {"train_baseline", "score_predictions", "plot_baseline"} | COMPARISON - {"summarise_cost", "check_estimate"},
    ),
    "a module that curation uses": (
        append(f"{PACKAGE}/data/curation.py", "\nUNUSED = 1\n"),
        EVERYTHING_BUT_MODELS - {"prepare_questions"},
    ),
    "how a model answers": (
        append(f"{PACKAGE}/inference/likelihood.py", "\nUNUSED = 1\n"),
        EVALUATION | {"evaluate_tuned"} | METRICS | CARDS | COMPARISON,
    ),
    "how rows of the Hub are read": (append(f"{PACKAGE}/task/reading.py", "\nUNUSED = 1\n"), set()),
    "the style of figures": (
        replace(f"{PACKAGE}/report/figures.py", '"font.size": 10', '"font.size": 11'),
        {"plot_accuracy", "plot_baseline", "plot_learning_curve", "plot_model", "plot_quality"},
    ),
    "a new kind of error": (
        append(f"{PACKAGE}/errors.py", '\n\nclass OddError(FinintentError):\n    """Odd."""\n'),
        set(),
    ),
    "a sentence about the lock of versions": (
        replace(f"{PACKAGE}/versions.py", "is not pinned", "is missing"),
        set(),
    ),
    "what the log of a job holds": (append(f"{PACKAGE}/logs.py", "\nUNUSED = 1\n"), set()),
    "how a job waits for the accelerator": (append(f"{PACKAGE}/machine/lock.py", "\nUNUSED = 1\n"), set()),
    "what is measured of a job": (append(f"{PACKAGE}/machine/meter.py", "\nUNUSED = 1\n"), set()),
    "a plan of memory": (append(f"{PACKAGE}/training/plan.py", "\nUNUSED = 1\n"), set()),
    "a key of the report's provenance": (append(f"{PACKAGE}/report/provenance.py", "\nUNUSED = 1\n"), {"write_report"}),
    "the wording of a verdict": (
        replace(f"{PACKAGE}/analysis/verdict.py", "are not distinguishable", "cannot be told apart"),
        {"compare_models", "write_report", "write_model_card"},
    ),
    "how an answer is read": (
        append(f"{PACKAGE}/analysis/extraction.py", "\nUNUSED = 1\n"),
        METRICS | CARDS | {"plot_baseline"} | COMPARISON - {"summarise_cost", "check_estimate"},
    ),
    "a comment of a module": (append(f"{PACKAGE}/training/arguments.py", "\n# A remark.\n"), set()),
    "a comment of a script": (append("workflow/scripts/train_lora.py", "\n# A remark.\n"), set()),
    "the order of keys": (configure(reverse_keys), set()),
    "the description of a key that curation reads": (
        replace(f"{PACKAGE}/config/curation.py", "rows to train on", "rows of the training set"),
        set(),
    ),
    "the declaration of a key that no stage reads by its type": (
        replace(f"{PACKAGE}/config/models.py", "ge=1", "ge=2"),
        set(),
    ),
    "a default that the configuration leaves to the models": (
        replace(f"{PACKAGE}/config/scoring.py", "5,\n        ge=1,", "4,\n        ge=1,"),
        {"evaluate_base", "evaluate_tuned"} | METRICS | CARDS | COMPARISON,
    ),
    "a caption": (append("workflow/report/training.rst", "\nMore words.\n"), set()),
    "the template of the report": (append("workflow/report/report.md.j2", "\nMore words.\n"), {"write_report"}),
    "the card of the data set": (append("workflow/report/dataset_card.md.j2", "\nMore words.\n"), {"write_card"}),
    "a price": (replace("resources/prices.yaml", "output: 0.50", "output: 0.60"), set()),
    "the README": (append("README.md", "\nMore words.\n"), set()),
    "LlamaFactory's locked version": (
        replace("requirements.lock", "llamafactory==0.9.5", "llamafactory==0.9.6"),
        {"prepare_model"} | TRAINING | EVALUATION,
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_reruns_what_depends_on_it_and_nothing_else(workspace: Path, name: str):
    edit, expected = EDITS[name]
    edit(workspace)
    assert {rule for rule, _ in jobs(workspace)} == expected


def test_one_models_learning_rate_leaves_the_other_model_alone(workspace: Path):
    configure(raise_learning_rate_of_a)(workspace)
    stale = jobs(workspace)
    assert {rule for rule, model in stale if model == "tiny-a"} == TRAINING - COMPARISON
    assert {rule for rule, model in stale if model != "tiny-a"} == COMPARISON


def test_new_weights_in_a_local_model_make_that_model_stale(workspace: Path):
    weights = workspace / "models/tiny-a/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    stale = jobs(workspace)
    assert ("prepare_model", "tiny-a") in stale
    assert {rule for rule, model in stale if model != "tiny-a"} == COMPARISON


def test_a_deleted_merged_model_is_made_again(workspace: Path):
    shutil.rmtree(workspace / f"results/merged/tiny-a/{DATASET}/letter/24-rows/seed-1/model")
    assert ("merge_lora", "tiny-a") in jobs(workspace)
