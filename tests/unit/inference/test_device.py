"""Which device a time is estimated for."""

import pytest
import torch

from finintent.errors import ConfigError
from finintent.inference import device
from finintent.inference.device import measured_device, planned_device, this_processor
from finintent.machine.speed import GPUS


def test_the_configured_card_comes_first():
    assert planned_device("A10G") == GPUS["A10G"]


def test_without_a_card_it_is_this_machines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert planned_device(None) == this_processor()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "device_name", lambda: "NVIDIA H100 80GB HBM3")
    assert planned_device(None) == GPUS["H100"]


def test_a_card_of_unknown_speed_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "device_name", lambda: "NVIDIA L4")
    with pytest.raises(ConfigError, match=r"NVIDIA L4 is not known; set gpu.card to the card nearest to it: A10G, "):
        planned_device(None)
    assert measured_device("NVIDIA L4") is None


def test_a_record_of_a_processor_is_measured_by_this_one():
    assert measured_device("AMD EPYC").name == "CPU"
