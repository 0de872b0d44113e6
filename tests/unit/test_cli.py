"""The command line, as a user calls it."""

import json

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
