"""A small valid configuration, to change and to break."""

from pathlib import Path

import pytest


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """A configuration of one local model and one data set, with the required keys alone."""
    monkeypatch.chdir(tmp_path)
    Path("resources").mkdir()
    Path("resources/taxonomy.yaml").touch()
    Path("model").mkdir()
    Path("model/config.json").touch()
    return {
        "study": {"models": ["m"], "recipes": ["r"], "datasets": ["d"]},
        "models": {"m": {"source": {"type": "local", "path": "model"}, "template": "gemma"}},
        "datasets": {
            "d": {
                "resources": "resources",
                "generation": {"backend": "recorded", "recorded": {"responses": "r.jsonl"}},
                "curation": {"train_rows": 20, "validation_rows": 10},
                "evaluation": {"path": "eval.json"},
            }
        },
        "recipes": {"r": {"answer": "letter"}},
        "training": {},
    }
