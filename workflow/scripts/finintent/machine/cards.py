"""The cards that this process may use, by the names that NVIDIA's driver gives them."""

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pynvml
import torch

VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Card:
    """A GPU, or one part of a GPU in MIG mode.

    Attributes:
        uuid: "GPU-…" or "MIG-…", its name for CUDA_VISIBLE_DEVICES and for the driver.
        number: the GPU's index, as nvidia-smi shows it, among those that this process may open.
        gpu: the UUID of the GPU.
        name: of the product.
    """

    uuid: str
    number: int
    gpu: str
    name: str

    def __str__(self) -> str:
        return f"GPU {self.number}" if self.uuid == self.gpu else f"GPU {self.number} ({self.uuid})"


def visible_cards() -> list[Card]:
    """Return the cards that CUDA_VISIBLE_DEVICES lets this process use, in its order; all of them if it is not set.

    CUDA is not initialised: it reads the variable once, so a card has to be chosen before.

    The list is empty where PyTorch computes on the CPU, and where the driver's library is missing: a container may have
    CUDA without it.
    """
    if torch.version.cuda is None:
        return []
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return []
    gpus = []
    for index in range(count):
        with suppress(
            pynvml.NVMLError
        ):  # a cgroup may keep this process from a GPU, and CUDA does not count such a GPU
            gpus.append(pynvml.nvmlDeviceGetHandleByIndex(index))
    installed = [card for number, gpu in enumerate(gpus) for card in _parts(number, gpu)]
    given = os.environ.get(VARIABLE)
    if given is None:
        return installed
    chosen: dict[Card, None] = {}
    for entry in given.split(","):
        named = [card for card in installed if _names(entry.strip(), card)]
        if not named:  # CUDA, too, ignores such an entry and all that follow
            break
        chosen |= dict.fromkeys(named)
    return list(chosen)


def _names(entry: str, card: Card) -> bool:
    """Return whether an entry is a card's index, or its UUID or the beginning of it."""
    if entry.startswith(("GPU-", "MIG-")):
        return card.uuid.startswith(entry) or card.gpu.startswith(entry)
    return entry.isdecimal() and int(entry) == card.number


def _parts(number: int, gpu: Any) -> list[Card]:
    """Return a GPU as one card, or in MIG mode each of its parts."""
    uuid = pynvml.nvmlDeviceGetUUID(gpu)
    try:
        mig, _ = pynvml.nvmlDeviceGetMigMode(gpu)
    except pynvml.NVMLError:  # not a GPU that can be divided
        mig = pynvml.NVML_DEVICE_MIG_DISABLE
    if mig == pynvml.NVML_DEVICE_MIG_DISABLE:
        return [Card(uuid, number, uuid, pynvml.nvmlDeviceGetName(gpu))]
    parts = []
    for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(gpu)):
        try:
            part = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, index)
        except pynvml.NVMLError:  # no part has this index, or a container does not let this process use it
            continue
        parts.append(Card(pynvml.nvmlDeviceGetUUID(part), number, uuid, pynvml.nvmlDeviceGetName(part)))
    return parts
