"""Stands in for NVIDIA's driver library on a machine of STAND_IN_CARDS cards, for PyTorch of any build."""

# ruff: noqa: N802 - the driver's own names

import os

import torch

if "STAND_IN_CARDS" in os.environ:
    torch.version.cuda = torch.version.cuda or "13.0"

NVML_DEVICE_MIG_DISABLE, NVML_DEVICE_MIG_ENABLE = 0, 1


class NVMLError(Exception):
    """A call that the driver refuses."""


def nvmlInit() -> None:
    if "STAND_IN_CARDS" not in os.environ:
        raise NVMLError("Driver Not Loaded")


def nvmlDeviceGetCount() -> int:
    return int(os.environ["STAND_IN_CARDS"])


def nvmlDeviceGetHandleByIndex(number: int) -> str:
    """The cards that STAND_IN_CLOSED names are closed to this process."""
    if f"{number}" in os.environ.get("STAND_IN_CLOSED", ""):
        raise NVMLError("Insufficient Permissions")
    return f"{number}"


def nvmlDeviceGetMigMode(handle: str) -> tuple[int, int]:
    """The cards that STAND_IN_MIG names are divided; card 0 never can be."""
    if handle == "0":
        raise NVMLError("Not Supported")
    mode = NVML_DEVICE_MIG_ENABLE if handle in os.environ.get("STAND_IN_MIG", "") else NVML_DEVICE_MIG_DISABLE
    return mode, mode


def nvmlDeviceGetMaxMigDeviceCount(handle: str) -> int:
    return 7


def nvmlDeviceGetMigDeviceHandleByIndex(handle: str, index: int) -> str:
    if index not in {0, 2}:
        raise NVMLError("Not Found")
    return f"{handle}/{index}"


def nvmlDeviceGetUUID(handle: str) -> str:
    number, _, part = handle.partition("/")
    return f"MIG-{number}b{part}-uuid" if part else f"GPU-{number}a-uuid"


def nvmlDeviceGetName(handle: str) -> str:
    return "a part" if "/" in handle else "a card"
