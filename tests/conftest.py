"""Shared fixtures. The finished study is run once for all workers, and copied for each test that edits it."""

import os
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
# As in the Makefile: tests start hundreds of Python processes.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""
# Two workers share the cores: threads that spin while they wait would slow each other down many times.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
# Tests wait neither for a study on this machine nor for the tests of another worker.
os.environ["FININTENT_LOCKS"] = tempfile.mkdtemp(prefix="finintent-locks-")

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from tiny import fake_cards, make_workspace, snakemake, tiny_config, write_tiny_model


def pytest_unconfigure() -> None:
    """Delete the folder of the locks."""
    shutil.rmtree(os.environ["FININTENT_LOCKS"], ignore_errors=True)


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two tiny random models by name."""
    folder = tmp_path_factory.mktemp("models")
    return {name: write_tiny_model(folder / name, seed) for seed, name in enumerate(("tiny-a", "tiny-b"))}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the whole study of the two tiny models has been run for real: to read, not to edit.

    The models lie in the workspace, so that a copy has its own.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    note = shared / "finished.txt"
    with FileLock(shared / "finished.lock"):
        if not note.exists():
            models = {"tiny-a": Path("models/tiny-a"), "tiny-b": Path("models/tiny-b")}
            workspace = make_workspace(tmp_path_factory.mktemp("finished") / "study", tiny_config(models))
            for seed, path in enumerate(models.values()):
                write_tiny_model(workspace / path, seed)
            # Two jobs at once, which do not wait for each other: each has a card that is none.
            snakemake(workspace, "--resources", "gpu=2", **fake_cards(2))
            note.write_text(str(workspace))
    return Path(note.read_text())


@pytest.fixture
def workspace(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study, times and metadata included, to edit."""
    return shutil.copytree(finished, tmp_path / "study", symlinks=True)
