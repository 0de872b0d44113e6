"""What a job used."""

import threading
from types import SimpleNamespace

import pytest

from finintent.machine import meter
from finintent.machine.cards import Card
from finintent.machine.meter import metered, total


def test_all_attempts_are_paid_for():
    job = {"device": "a card", "driver": "1", "job_seconds": 2.0, "card_peak_bytes": 3, "energy_joules": 4}
    assert total([job, job | {"card_peak_bytes": 1}]) == job | {"job_seconds": 4.0, "energy_joules": 8}
    unknown = {"card_peak_bytes": None, "energy_joules": None}
    assert total([job | unknown] * 2) == job | unknown | {"job_seconds": 4.0}


def test_a_job_without_a_gpu_has_its_time_and_no_memory_of_a_card():
    with metered() as job:
        assert "job_seconds" not in job
    assert job["job_seconds"] > 0
    assert (job["driver"], job["card_peak_bytes"], job["energy_joules"]) == (None, None, None)


class Driver:
    """Stands in for NVML: each reading of the energy is 4 J after the one before."""

    NVMLError = RuntimeError

    def __init__(self, energy: bool = True) -> None:
        self.read = threading.Event()
        self.used = iter([5, 9, 7])
        self.energies = iter([1000, 5000])
        self.energy = energy

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        return uuid

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "1.2"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        if not self.energy:
            raise self.NVMLError
        return next(self.energies)

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> SimpleNamespace:  # noqa: N802
        used = next(self.used, None)
        if used is None:
            self.read.set()
            raise self.NVMLError
        return SimpleNamespace(used=used)


@pytest.fixture
def card(monkeypatch):
    """Let there be a card, for the meter alone."""
    monkeypatch.setattr(meter, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True)))
    monkeypatch.setattr(meter, "visible_cards", lambda: [Card("GPU-1", 0, "GPU-1", "a card")])
    monkeypatch.setattr(meter, "PERIOD_SECONDS", 0.001)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(("energy", "joules"), [(True, 4), (False, None)])
def test_a_job_on_a_card_has_its_peak_and_its_energy(monkeypatch, energy: bool, joules: float | None):
    driver = Driver(energy)
    monkeypatch.setattr(meter, "pynvml", driver)
    with metered() as job:
        assert driver.read.wait(30)
    assert (job["device"], job["card"], job["driver"], job["card_peak_bytes"]) == ("a card", "GPU-1", "1.2", 9)
    assert job["energy_joules"] == joules


@pytest.mark.usefixtures("card")
def test_a_card_without_its_drivers_library_is_not_measured(monkeypatch):
    monkeypatch.setattr(meter, "visible_cards", list)
    monkeypatch.setattr(meter, "device_name", lambda: "a card")
    with metered() as job:
        pass
    assert job["device"] == "a card"
    assert {job[key] for key in ("card", "driver", "card_peak_bytes", "energy_joules")} == {None}
    assert job["job_seconds"] > 0
