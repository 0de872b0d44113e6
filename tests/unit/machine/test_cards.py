"""The cards that a process may use."""

import pytest
import torch

from fake_driver import pynvml
from finintent.machine import cards
from finintent.machine.cards import VARIABLE, Card, visible_cards


@pytest.fixture(autouse=True)
def four_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "pynvml", pynvml)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("STAND_IN_CARDS", "4")
    monkeypatch.delenv(VARIABLE, raising=False)


def test_without_the_variable_every_card_is_visible():
    assert visible_cards() == [Card(f"GPU-{n}a-uuid", n, f"GPU-{n}a-uuid", "a card") for n in range(4)]


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ("2", [2]),
        ("3,1", [3, 1]),
        (" 3, 1 ", [3, 1]),
        ("1,1", [1]),
        ("GPU-2a-uuid", [2]),
        ("GPU-2a,GPU-0", [2, 0]),  # as CUDA takes the beginning of a UUID
        ("1,7,2", [1]),  # as CUDA, nothing after a card that is not there
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),  # what Slurm sets for a job without a card
        ("GPU-9a-uuid", []),
        ("MIG-1b0-uuid", []),
    ],
)
def test_the_variable_names_cards_by_index_or_uuid(monkeypatch: pytest.MonkeyPatch, given: str, numbers: list[int]):
    monkeypatch.setenv(VARIABLE, given)
    assert [card.number for card in visible_cards()] == numbers


@pytest.mark.parametrize(
    ("given", "uuids"),
    [
        (None, ["GPU-0a-uuid", "MIG-1b0-uuid", "MIG-1b2-uuid", "GPU-2a-uuid", "GPU-3a-uuid"]),
        ("1", ["MIG-1b0-uuid", "MIG-1b2-uuid"]),
        ("GPU-1a-uuid", ["MIG-1b0-uuid", "MIG-1b2-uuid"]),
        ("MIG-1b2-uuid", ["MIG-1b2-uuid"]),
    ],
)
def test_each_part_of_a_divided_gpu_is_a_card(monkeypatch: pytest.MonkeyPatch, given: str | None, uuids: list[str]):
    monkeypatch.setenv("STAND_IN_MIG", "1")
    if given:
        monkeypatch.setenv(VARIABLE, given)
    assert [card.uuid for card in visible_cards()] == uuids
    assert [str(card) for card in visible_cards() if card.number == 1] == [
        f"GPU 1 ({uuid})" for uuid in uuids if uuid.startswith("MIG")
    ]


def test_a_card_that_is_closed_to_the_process_is_not_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STAND_IN_CLOSED", "01")
    monkeypatch.setenv(VARIABLE, "0")
    assert [card.uuid for card in visible_cards()] == ["GPU-2a-uuid"]


def test_without_a_driver_or_a_pytorch_for_gpus_there_is_no_card(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    assert visible_cards() == []
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.delenv("STAND_IN_CARDS")
    assert visible_cards() == []
