"""A model of a hub, downloaded by the workflow itself from a stand-in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from fake_hub import FakeHub
from tiny import make_workspace, snakemake, tiny_config

MODEL = "results/models/tiny-a"


@pytest.fixture
def hub(tiny_models: dict[str, Path]) -> Iterator[FakeHub]:
    files = {path.name: path.read_bytes() for path in tiny_models["tiny-a"].iterdir()}
    with FakeHub("someone/tiny", files, kind="models") as hub:
        yield hub


def make_study(hub: FakeHub, tiny_models: dict[str, Path], folder: Path, **changes: object) -> Path:
    """A workspace with one model of the hub, and one of this machine."""
    config = tiny_config(tiny_models)
    source = {"type": "huggingface", "repo_id": hub.repo_id, "revision": hub.commit, "size_gb": 0.001}
    config["models"]["tiny-a"]["source"] = source | changes
    return make_workspace(folder / "study", config)


def test_a_failed_download_is_gone_on_with_and_its_model_loads(hub, tiny_models, tmp_path):
    workspace = make_study(hub, tiny_models, tmp_path)
    environment = hub.environment(tmp_path / "home")
    hub.broken = {"tokenizer.json"}
    failed = snakemake(workspace, MODEL, check=False, **environment)
    assert "HubError: someone/tiny@" in failed.stderr + failed.stdout
    assert "Traceback" not in failed.stderr
    assert (workspace / "results/downloads/tiny-a/model.safetensors").is_file()
    hub.broken, before = set(), len(hub.requests)
    snakemake(workspace, MODEL, **environment)
    assert not any(r.startswith("GET") and "model.safetensors" in r for r in hub.requests[before:])
    record = json.loads((workspace / "results/downloads/tiny-a.json").read_text())
    assert record["revision"] == hub.commit
    asked = len(hub.requests)
    assert "Nothing to be done" in snakemake(workspace, MODEL, **environment).stderr
    assert len(hub.requests) == asked
    model = AutoModelForCausalLM.from_pretrained(workspace / MODEL, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(workspace / MODEL, local_files_only=True)
    assert model.config.vocab_size == len(tokenizer)


def test_a_local_model_is_linked_and_needs_no_hub(hub, tiny_models, tmp_path):
    snakemake(make_study(hub, tiny_models, tmp_path), "results/models/tiny-b", **hub.environment(tmp_path / "home"))
    weights = tmp_path / "study/results/models/tiny-b/model.safetensors"
    assert weights.resolve() == (tiny_models["tiny-b"] / "model.safetensors").resolve()
    assert hub.requests == []


def test_a_gated_model_without_a_token_is_one_sentence(hub, tiny_models, tmp_path):
    workspace = make_study(hub, tiny_models, tmp_path, gated=True)
    result = snakemake(
        workspace, MODEL, "--retries", "0", check=False, **hub.environment(tmp_path / "home"), HF_TOKEN=""
    )
    assert (
        f"someone/tiny: gated, and HF_TOKEN is not set; accept its licence on {hub.url}/someone/tiny" in result.stderr
    )
    assert hub.requests == []
