"""Claude as a row of the comparison, through a server that speaks the API's protocol."""

import json
import re
import shutil
from pathlib import Path

import pytest

from fake_claude import FakeClaude
from tiny import DATASET, make_workspace, snakemake, tiny_config, write_config

KEY = "sk-ant-planted-0123456789"
MODEL = "claude-haiku-5-5"
ANSWERS = f"results/predictions/{MODEL}/{DATASET}/zero_shot/evaluation.jsonl"


def study(tmp_path: Path, **claude: object) -> dict:
    config = tiny_config({"none": tmp_path})
    (tmp_path / "config.json").write_text("{}")
    config["datasets"][DATASET]["evaluation"]["claude"] = {"store": "answers.jsonl", "model": MODEL} | claude
    return config


@pytest.fixture(scope="module")
def once_answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which Claude has answered."""
    folder = tmp_path_factory.mktemp("answered")
    workspace = make_workspace(folder / "study", study(folder))
    with FakeClaude(lambda body: "B") as server:
        environment = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url}
        log = snakemake(workspace, "estimate_answers", **environment).stdout
        assert re.search(rf"{MODEL} on .*: 0 answers stored, 6 to request, about [\d,]+ input and 1,200 output", log)
        assert not server.paid
        snakemake(workspace, ANSWERS, **environment)
        assert KEY in server.headers["authorization"]
        assert list(server.paid.values()) == [1] * 6
    return workspace


@pytest.fixture
def answered(once_answered: Path, tmp_path: Path) -> Path:
    """A copy of it, to work on."""
    return shutil.copytree(once_answered, tmp_path / "study", symlinks=True)


def test_answers_are_paid_once_kept_and_served_without_a_key(answered: Path):
    first = (answered / ANSWERS).read_bytes()
    rows = [json.loads(line) for line in first.splitlines()]
    assert [row["text"] for row in rows] == ["B"] * 6
    record = json.loads((answered / ANSWERS).with_name("record.json").read_text())
    assert record["stop_reasons"] == {"end_turn": 6}
    assert record["cost_usd"] > 0
    snakemake(answered, "--forcerun", "ask_claude", "--", ANSWERS, ANTHROPIC_API_KEY="")
    assert (answered / ANSWERS).read_bytes() == first
    for path in answered.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("changes", "jobs"),
    [
        ({"mode": "batches", "max_cost_usd": 1, "timeout_seconds": 9, "store": "elsewhere.jsonl"}, 0),
        ({"effort": "high"}, 1),
    ],
)
def test_only_what_changes_an_answer_makes_one_stale(answered: Path, changes: dict, jobs: int):
    write_config(answered, study(answered.parent, **changes))
    assert snakemake(answered, "--dry-run", "--", ANSWERS).stdout.count("rule ask_claude") == jobs
    assert "rule prepare_questions" not in snakemake(answered, "--dry-run", "--", ANSWERS).stdout


def test_a_missing_key_is_one_sentence(tmp_path: Path):
    workspace = make_workspace(tmp_path / "study", study(tmp_path))
    result = snakemake(workspace, ANSWERS, check=False, ANTHROPIC_API_KEY="")
    assert "ApiError: ANTHROPIC_API_KEY is not set" in result.stderr + result.stdout
