"""The command line, as a user calls it."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from finintent.cli import app

ROWS = [
    {"gold": "A", "text": "A. 行业板块问询"},
    {"gold": "B", "text": "选项B"},
    {"gold": "E", "text": "A或E"},
    {"gold": "D", "text": "不知道"},
]


def score(tmp_path, *arguments: str):
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(ROWS), encoding="utf-8")
    return CliRunner().invoke(app, ["score", str(path), *arguments])


def test_every_scorer_has_its_line(tmp_path):
    result = score(tmp_path)
    table = {line.split()[0]: line.split()[1:5] for line in result.stdout.splitlines()[1:]}
    assert table["greedy"] == ["4", "2", "0.5000", "0.5000"]
    assert table["opencompass"] == ["4", "3", "0.7500", "0.7500"]
    assert table["original"] == ["4", "2", "0.5000", "0.5000"]
    assert result.exit_code == 0


def test_one_scorer_alone(tmp_path):
    assert len(score(tmp_path, "--scorer", "original").stdout.splitlines()) == 2


def test_a_mistake_is_one_sentence_and_a_failure(tmp_path):
    result = score(tmp_path, "--text", "answer_text")
    assert result.exit_code == 1
    assert result.stderr.startswith("DataError: ")
    assert "no column of raw outputs" in result.stderr


VOTES = """{version: 1, language: en, title: Votes, labels: [
  {code: yes_, name: "Yes", definition: for}, {code: no_, name: "No", definition: against}]}"""


def compare(tmp_path, *arguments: str):
    (tmp_path / "taxonomy.yaml").write_text(VOTES)
    for name, answer in (("a", "yes_"), ("b", "no_")):
        scores = {code: 0.0 if code == answer else -50.0 for code in ("yes_", "no_")}
        row = {"gold": "yes_", "options": {"A": "yes_", "B": "no_"}, "log_probabilities": scores, "text": None}
        lines = [json.dumps(row | {"id": str(number)}) for number in range(10)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    files = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl"), "--taxonomy", str(tmp_path / "taxonomy.yaml")]
    return CliRunner().invoke(app, ["compare", *files, *arguments])


def test_two_sets_of_predictions_are_compared_in_words_and_for_programs(tmp_path):
    result = compare(tmp_path)
    assert result.exit_code == 0, result.stderr
    assert "b.jsonl is 100.0 points worse than a.jsonl" in result.stdout
    found = json.loads(compare(tmp_path, "--json").stdout)
    assert [row["accuracy"] for row in found["sets"]] == [1.0, 0.0]
    assert (found["pairs"][0]["broken"], found["pairs"][0]["kappa"]) == (10, 0.0)


def test_the_format_of_predictions_is_printed_without_files():
    result = CliRunner().invoke(app, ["compare", "--format"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("One line of a file of predictions.")
    assert json.loads(result.stdout.splitlines()[-1])["text"] == "B."


def test_a_seed_below_0_is_refused(tmp_path):
    result = compare(tmp_path, "--seed", "-5")
    assert result.exit_code == 2
    assert "--seed" in result.stderr


def test_a_comparison_that_cannot_be_made_is_one_sentence(tmp_path):
    result = compare(tmp_path, "--scorer", "exact")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("ConfigError: scorer 'exact' is unknown")


@pytest.mark.parametrize("arguments", [[], ["words", "--jsonl", "file.jsonl"]])
def test_one_source_of_questions_is_wanted(arguments):
    result = CliRunner().invoke(app, ["classify", "--model", "nowhere", *arguments])
    assert result.exit_code == 1
    assert result.stderr.startswith("ConfigError: found both a question and --jsonl, or neither")


@pytest.mark.parametrize("command", [["classify", "words", "--model"], ["demo", "--base", "nowhere", "--tuned"]])
def test_a_missing_model_is_told_before_pytorch_is_loaded(command):
    result = CliRunner().invoke(app, [*command, "nowhere"])
    assert result.exit_code == 1
    assert result.stderr.startswith("ModelError: nowhere: no classifier.json there")


@pytest.mark.parametrize("command", ["classify", "compare", "demo", "score"])
def test_help_loads_neither_pytorch_nor_pandas(command):
    code = (
        "import sys; from finintent.cli import app; app([sys.argv[1], '--help'], "
        "standalone_mode=False); sys.exit(bool({'torch', 'pandas', 'transformers', 'gradio'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code, command], check=False, capture_output=True).returncode == 0
