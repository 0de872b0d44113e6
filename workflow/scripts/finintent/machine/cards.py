"""The cards that this process may use, by the names that NVIDIA's driver gives them."""

import os
from dataclasses import dataclass

import pynvml
import torch

VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Card:
    """A GPU, or one part of a GPU in MIG mode.

    Attributes:
        uuid: "GPU-…" or "MIG-…", its name for CUDA_VISIBLE_DEVICES and for the driver.
        number: the GPU's index, as nvidia-smi shows it.
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
        installed = [card for number in range(pynvml.nvmlDeviceGetCount()) for card in _parts(number)]
    except pynvml.NVMLError:
        return []
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


def _parts(number: int) -> list[Card]:
    """Return a GPU as one card, or in MIG mode each of its parts."""
    gpu = pynvml.nvmlDeviceGetHandleByIndex(number)
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
