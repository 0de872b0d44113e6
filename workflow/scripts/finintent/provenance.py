"""What made a result: package versions and digests."""

import platform
import re
from importlib import metadata
from pathlib import Path

import torch

from finintent.files import read_text

NUMERIC_PACKAGES = ("llamafactory", "torch", "transformers", "peft", "trl", "accelerate", "datasets", "tokenizers")


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a model's numbers depend on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in NUMERIC_PACKAGES}}


def device_name() -> str:
    """Return the name of the accelerator, or of the processor where there is none."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*: (.+)", read_text(cpuinfo)) if cpuinfo.exists() else None
    return match.group(1) if match else platform.processor() or platform.machine()
