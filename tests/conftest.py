"""Shared fixtures. The finished study is run once and copied for each test that edits it."""

import os
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
# Tests wait neither for a study on this machine nor for the tests of another worker.
os.environ["FININTENT_LOCKS"] = tempfile.mkdtemp(prefix="finintent-locks-")

from pathlib import Path

import pytest

from tiny import make_workspace, snakemake, tiny_config, write_tiny_model


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two tiny random models by name."""
    folder = tmp_path_factory.mktemp("models")
    return {name: write_tiny_model(folder / name, seed) for seed, name in enumerate(("tiny-a", "tiny-b"))}


@pytest.fixture(scope="session")
def finished(tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the whole study of the two tiny models has been run for real."""
    workspace = make_workspace(tmp_path_factory.mktemp("finished") / "study", tiny_config(tiny_models))
    # Two at once: they take turns at the accelerator by its lock, and import their libraries side by side.
    snakemake(workspace, "--resources", "gpu=2")
    return workspace
