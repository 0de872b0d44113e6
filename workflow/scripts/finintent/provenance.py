"""What made a result: package versions and digests."""

import json
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from finintent.dependencies import MODEL_PACKAGES
from finintent.errors import ConfigError
from finintent.files import read_json, read_text
from finintent.sources import OWN_FILE


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a model's numbers depend on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in MODEL_PACKAGES}}


def check_versions(locked: dict[str, str]) -> None:
    """Raise ConfigError when an installed package is not of the locked version (a local `+cpu` aside)."""
    for package, version in locked.items():
        if (found := metadata.version(package).split("+")[0]) != version:
            raise ConfigError(
                f"requirements.lock pins {package} {version}, installed is {found}; run `make .venv/installed` and "
                "activate .venv"
            )


def study_record(config: dict[str, Any], models: dict[str, Path], training: str) -> dict[str, Any]:
    """Return what made a study: configuration, versions, digests of the training rows, and each base model's record.

    models: folder of each model; training: a run's training.json, whose rows are those of the other models' main runs.
    """
    trained = read_json(training)
    return {
        **{key: trained[key] for key in ("versions", "data_sha256")},
        "models": {name: read_json(folder / OWN_FILE) for name, folder in models.items()},
        "config": json.loads(json.dumps(config)),  # plain types, for YAML
    }


def device_name() -> str:
    """Return the name of the accelerator, or of the processor where there is none."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*: (.+)", read_text(cpuinfo)) if cpuinfo.exists() else None
    return match.group(1) if match else platform.processor() or platform.machine()
