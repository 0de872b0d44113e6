"""Versions of packages: locked and installed."""

import platform
import re
from importlib import metadata
from pathlib import Path

from finintent.errors import ConfigError

# Packages that a model's results depend on.
MODEL_PACKAGES = ("llamafactory", "torch", "transformers", "peft", "trl", "accelerate", "datasets", "tokenizers")


def locked_versions(lock: Path, *packages: str) -> dict[str, str]:
    """Return the versions that a requirements lock pins for some packages.

    Raises:
        ConfigError: the lock does not pin one of them.
    """
    text = lock.read_text(encoding="utf-8")
    versions = {}
    for package in packages:
        match = re.search(rf"^{re.escape(package)}==(\S+)", text, re.MULTILINE)
        if match is None:
            raise ConfigError(f"{lock}: {package} is not pinned; run `make lock`")
        versions[package] = match.group(1)
    return versions


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a model's results depend on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in MODEL_PACKAGES}}


def check_versions(locked: dict[str, str]) -> None:
    """Check that the installed packages have the locked versions; a local suffix such as `+cpu` is ignored.

    Raises:
        ConfigError: an installed package has another version.
    """
    for package, version in locked.items():
        if (found := metadata.version(package).split("+")[0]) != version:
            raise ConfigError(
                f"requirements.lock pins {package} {version}, but {found} is installed; run `make .venv/installed` and "
                "activate .venv"
            )
