"""A data set from two spreadsheets, without personas, through the real workflow."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tiny import DATASET, ODD_FOLDER, ROOT, make_workspace, snakemake, tiny_config

OWN = "results/curated/own"
QUESTION = "Did the courier leave a note?"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The tiny data set as two spreadsheets: its candidates as rows, its questions without options and ids."""
    config = tiny_config({"none": tmp_path})
    (tmp_path / "config.json").write_text("{}")
    block = config["datasets"][DATASET]
    config["study"]["datasets"] = ["own"]
    config["datasets"]["own"] = block | {
        "resources": "own",
        "generation": {"backend": "file", "file": {"path": "own/rows.csv", "query_column": "text"}},
        "evaluation": {"path": "own/questions.tsv"},
    }
    workspace = make_workspace(tmp_path / "study", config)
    resources = ROOT / "tests/datasets" / DATASET
    shutil.copytree(resources, workspace / "own", ignore=shutil.ignore_patterns("personas.yaml", "*.json*"))
    rows = pd.read_json(resources / "recorded_responses.jsonl", lines=True)
    candidates = [
        {"Text": query, "Label": request["intent"].title()}
        for request, response in zip(rows["request"], rows["response"], strict=True)
        for query in response["queries"]
    ]
    pd.DataFrame(candidates).to_csv(workspace / "own/rows.csv", index=False, encoding="utf-8-sig", sep=";")
    questions = pd.DataFrame([{"question": QUESTION, "label": "shipping"}])
    questions.to_csv(workspace / "own/questions.tsv", index=False, sep="\t")
    return workspace


def test_two_spreadsheets_become_a_curated_set_with_a_true_card(workspace: Path):
    snakemake(workspace, f"{OWN}/README.md")
    card = (workspace / OWN / "README.md").read_text(encoding="utf-8")
    assert "# Support topics: rows taken from the file rows.csv\n" in card
    assert "| all | 24 | 9 |" in card
    assert "synthetic" not in card
    assert "persona" not in card.replace("personal", "")


def test_a_folder_with_an_odd_name_and_results_on_another_disk(workspace: Path):
    odd = workspace.rename(workspace.parent / ODD_FOLDER)
    (workspace.parent / "other disk").mkdir()
    (odd / "results").symlink_to(workspace.parent / "other disk")
    snakemake(odd, f"{OWN}/train.jsonl")
    assert (workspace.parent / "other disk/curated/own/train.jsonl").is_file()


def test_too_few_rows_are_explained_and_kept(workspace: Path):
    lines = (workspace / "own/rows.csv").read_text(encoding="utf-8-sig").splitlines()
    (workspace / "own/rows.csv").write_text("\n".join(lines[:9]), encoding="utf-8")
    result = snakemake(workspace, f"{OWN}/train.jsonl", check=False)
    assert "TooFewRowsError: curation left too few rows for 24 training + 9 validation rows: " in result.stderr
    assert (workspace / "results/logs/curate_dataset/own.rejected.jsonl").exists()


def test_a_key_that_stands_twice_in_a_configuration_is_refused(workspace: Path):
    path = workspace / "config/config.yaml"
    path.write_text(path.read_text() + "training:\n  precision: fp32\n")
    result = snakemake(workspace, "--dry-run", check=False)
    assert result.returncode
    assert "the key 'training' stands in line" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_typing_error_in_a_label_is_named(workspace: Path):
    with (workspace / "own/rows.csv").open("a", encoding="utf-8") as file:
        file.write("where is my parcel now;shiping\n")
    result = snakemake(workspace, "results/candidates/own/file.jsonl", check=False)
    assert "Label is 'shiping', expected a label's code or its option's text" in result.stderr
    assert "did you mean 'shipping'?" in result.stderr
