"""What a job used on the accelerator: time, memory, energy."""

import platform
import re
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pynvml
import torch

from finintent.files import read_text
from finintent.machine.cards import visible_cards

PERIOD_SECONDS = 0.2
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in ru_maxrss


@contextmanager
def metered() -> Iterator[dict[str, Any]]:
    """Measure what runs inside, child processes included.

    Yields:
        A dict that is complete after the block: device, job_seconds, and for a GPU card (its UUID), driver,
        card_peak_bytes (of the whole card, CUDA's own part included: jobs never share it) and energy_joules. These four
        are None without a GPU, or where its driver does not report them.
    """
    # The caller holds the accelerator's lock, which leaves one card; a driver may be too old for PyTorch to use it.
    card = next(iter(visible_cards()), None) if torch.cuda.is_available() else None
    facts: dict[str, Any] = {
        "device": card.name if card else device_name(),
        "card": card.uuid if card else None,
        "driver": None,
        "card_peak_bytes": None,
        "energy_joules": None,
    }
    handle = before = None
    start, ended = time.perf_counter(), threading.Event()
    watcher = None
    if card:
        with suppress(pynvml.NVMLError):
            handle = pynvml.nvmlDeviceGetHandleByUUID(card.uuid)
            facts["driver"] = pynvml.nvmlSystemGetDriverVersion()
            before = _energy(handle)
            watcher = threading.Thread(target=_watch, args=(handle, facts, ended))
            watcher.start()
    try:
        yield facts
    finally:
        facts["job_seconds"] = time.perf_counter() - start
        if watcher:
            ended.set()
            watcher.join()
            if before is not None and (after := _energy(handle)) is not None:
                facts["energy_joules"] = (after - before) / 1000


def total(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what `metered` measured in several attempts, as if they were one job."""

    def measured(key: str) -> list[float]:
        return [job[key] for job in jobs if job[key] is not None]

    return {
        **jobs[-1],
        "job_seconds": sum(measured("job_seconds")),
        "card_peak_bytes": max(measured("card_peak_bytes"), default=None),
        "energy_joules": sum(measured("energy_joules")) if measured("energy_joules") else None,
    }


def _watch(handle: Any, facts: dict[str, Any], ended: threading.Event) -> None:
    with suppress(pynvml.NVMLError):  # a driver may not report it
        while not ended.wait(PERIOD_SECONDS):
            used = pynvml.nvmlDeviceGetMemoryInfo(handle).used
            facts["card_peak_bytes"] = max(facts["card_peak_bytes"] or 0, used)


def _energy(handle: Any) -> int | None:
    """Return the energy that the card has used since its driver was loaded, in millijoules."""
    with suppress(pynvml.NVMLError):  # older cards do not count it
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    return None


def device_name() -> str:
    """Return the name of the accelerator, or of the processor if there is none."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*: (.+)", read_text(cpuinfo)) if cpuinfo.exists() else None
    return match.group(1) if match else platform.processor() or platform.machine()


def peak_host_bytes(who: int) -> int:
    """Return the most memory that this process (resource.RUSAGE_SELF) or one of its children (RUSAGE_CHILDREN) held."""
    return resource.getrusage(who).ru_maxrss * RSS_UNIT
