"""The device that a time is estimated for: a card by its name, or this machine's processor."""

import joblib
import torch

from finintent.config.gpu import Card
from finintent.errors import ConfigError
from finintent.inference.compute import uses_bf16
from finintent.machine.meter import device_name
from finintent.machine.speed import GPUS, Device, gpu_named, processor


def planned_device(card: Card | None) -> Device:
    """Return the configured card, or without one this machine's card, or its processor.

    Raises:
        ConfigError: this machine's card is none whose speed is known.
    """
    if card:
        return GPUS[card]
    if not torch.cuda.is_available():
        return this_processor()
    if found := gpu_named(device_name()):
        return found
    raise ConfigError(
        f"config: the speed of this machine's {device_name()} is not known; set gpu.card to the card nearest to it: "
        f"{', '.join(GPUS)}"
    )


def measured_device(name: str) -> Device | None:
    """Return the device of a job's record by its name; a name without NVIDIA's is that of a processor like this one."""
    return gpu_named(name) if "NVIDIA" in name else this_processor()


def this_processor() -> Device:
    """Return this machine's processor."""
    return processor(joblib.cpu_count(), bf16=uses_bf16("auto") and not torch.cuda.is_available())
