"""Generation by the workflow, through a server that speaks the API's protocol."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml

from fake_claude import FakeClaude
from fake_hub import TOKEN, FakeHub
from finintent.claude.store import ResponseStore
from finintent.data.alpaca import alpaca_row
from finintent.data.candidates import candidates_from_responses
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import DATASET, make_workspace, snakemake, tiny_config, write_config
from writer import RESOURCES, Writer

KEY = "sk-ant-planted-0123456789"
CANDIDATES = f"results/candidates/{DATASET}/anthropic.jsonl"
CURATED = f"results/curated/{DATASET}/train.jsonl"
CARD = f"results/curated/{DATASET}/README.md"
FIGURE = f"results/figures/{DATASET}/quality.svg"
STORE = "responses.jsonl"
KILLS = int(os.environ.get("FININTENT_KILLS", "3"))


def configure(tmp_path: Path, curation: dict | None = None, **anthropic: object) -> Path:
    """Return a workspace in which Claude writes the candidates."""
    config = tiny_config({"none": tmp_path})
    (tmp_path / "config.json").write_text("{}")
    dataset = config["datasets"][DATASET]
    dataset["curation"] |= curation or {}
    dataset["generation"] = {
        "backend": "anthropic",
        "anthropic": {"store": STORE, "model": "claude-haiku-5-5", "queries_per_request": 6} | anthropic,
    }
    return make_workspace(tmp_path / "study", config)


def run(workspace: Path, server: FakeClaude, *targets: str, **options: object):
    environment = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.url}
    return snakemake(workspace, *(targets or (CANDIDATES,)), **environment, **options)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_set_is_generated_paid_once_and_traced_and_the_key_is_nowhere(tmp_path):
    workspace = configure(tmp_path)
    with FakeClaude(Writer()) as server:
        estimate = run(workspace, server, "estimate_generation").stdout
        assert "To send: 6 requests now" in estimate
        assert "Input tokens counted by the API" in estimate
        assert re.search(r"claude-opus-5-5 +\d+ +[\d,]+ +[\d,]+ +\$0\.\d+ +\$0\.\d+", estimate)
        assert not server.paid
        run(workspace, server, CURATED, CARD, FIGURE)
        assert KEY in server.headers["authorization"]
        assert set(server.paid.values()) == {1}
    first = (workspace / CANDIDATES).read_bytes()
    # Stored answers are enough: no server, no key.
    again = snakemake(workspace, "--forcerun", "generate_candidates", "--", CANDIDATES, ANTHROPIC_API_KEY="")
    assert (workspace / CANDIDATES).read_bytes() == first
    snakemake(workspace, "--report", "report.html", "--", FIGURE)
    store = ResponseStore(workspace / STORE)
    assert set(store.answers) == set(server.paid)
    for row in rows(workspace / CURATED):
        (record,) = (answer for name, answer in store.answers.items() if name.startswith(row["request"]))
        assert record["purpose"]["intent"] == row["label"]
        assert row["query"] in record["message"]["content"][-1]["text"]
    record = json.loads((workspace / CANDIDATES).with_suffix(".json").read_text())
    assert record["cost_usd"] == pytest.approx(sum(answer["cost_usd"] for answer in store.answers.values()))
    assert f"{record['cost_usd']:.4f} US dollars" in again.stdout
    assert f"{record['cost_usd']:.4f} US dollars" in (workspace / CARD).read_text()
    for path in workspace.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_a_missing_key_is_one_sentence(tmp_path):
    result = snakemake(configure(tmp_path), CANDIDATES, check=False, ANTHROPIC_API_KEY="")
    assert "ApiError: ANTHROPIC_API_KEY is not set" in result.stderr + result.stdout


def test_a_set_of_the_hub_passes_the_same_gate_and_goes_back_when_asked(tmp_path):
    workspace = configure(tmp_path)
    recorded = candidates_from_responses(workspace / f"tests/datasets/{DATASET}/recorded_responses.jsonl", DATASET)
    wording = (read_taxonomy(RESOURCES / "taxonomy.yaml"), read_instruction(RESOURCES / "prompts/instruction.yaml"))
    alpaca = json.dumps([alpaca_row(row, *wording, "letter") for row in recorded]).encode()
    with FakeHub("someone/topics", {"train.json": alpaca}) as hub:
        config = yaml.safe_load((workspace / "config/config.yaml").read_text())
        dataset = config["datasets"][DATASET]
        dataset["generation"] = {
            "backend": "huggingface",
            "huggingface": {"repo_id": "someone/topics", "revision": hub.commit},
        }
        dataset["publication"] = {"repo_id": "someone/topics"}
        write_config(workspace, config)
        hub.private = True
        environment = hub.environment(tmp_path) | {"HF_TOKEN": TOKEN}
        snakemake(workspace, CURATED, CARD, **environment)
        assert not hub.uploads
        assert "someone/topics" in (workspace / CARD).read_text()
        assert {row["persona"] for row in rows(workspace / CURATED)} == {"unknown"}
        printed = snakemake(workspace, "push_dataset", **environment).stdout
        assert "uploaded as http" in printed
        assert hub.files["train.jsonl"] == (workspace / CURATED).read_bytes()
        assert "rejected.jsonl" not in hub.files
    for path in workspace.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path
