"""The locks on a machine's cards."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from finintent.logs import logged
from finintent.machine import lock
from finintent.machine.cards import VARIABLE as VISIBLE
from finintent.machine.cards import Card
from finintent.machine.lock import VARIABLE, exclusive_accelerator, lock_path
from finintent.progress import _statuses

CARDS = [Card(f"GPU-{number}", number, f"GPU-{number}", "a card") for number in range(4)]
FIRST, SECOND = CARDS[:2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.setattr(lock, "_kept", [])
    return tmp_path


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """A function that gives the machine cards."""
    return lambda *cards: monkeypatch.setattr(lock, "visible_cards", lambda: list(cards))


def held(card: Card | None) -> FileLock:
    """The lock of a card, held by another job."""
    return FileLock(lock_path(card)).acquire().lock


@pytest.mark.parametrize(
    ("cards", "awaited", "files"),
    [
        ([], "the accelerator", ["finintent-gpu.lock"]),
        ([FIRST], "GPU 0", ["finintent-gpu-GPU-0.lock"]),
        ([FIRST, SECOND], "GPU 0 or GPU 1", ["finintent-gpu-GPU-0.lock", "finintent-gpu-GPU-1.lock"]),
    ],
)
def test_a_job_that_waits_says_for_which_cards(machine, folder: Path, capfd, cards, awaited: str, files: list[str]):
    machine(*cards)
    log = folder / "log"
    waiting = f"waiting for another job on this machine to free {awaited}; the locks are in {folder}\n"

    def work() -> str:
        with exclusive_accelerator():
            return os.environ[VISIBLE]

    others = [held(card) for card in cards or [None]]
    with logged(str(log)), ThreadPoolExecutor(1) as pool:
        job = pool.submit(work)
        while not (log.read_text() and _statuses):
            time.sleep(0.01)
        assert _statuses[-1]() == f"waiting for another job to free {awaited}"
        assert not job.done()
        others[-1].release()
        assert job.result() == (cards[-1].uuid if cards else "0")
    assert log.read_text() == f"{waiting}this job uses {awaited.split(' or ')[-1]}\n"
    assert capfd.readouterr().out == waiting
    assert sorted(path.name for path in folder.glob("*.lock")) == files


@pytest.mark.parametrize("before", [None, "1,0"])
def test_a_job_takes_the_first_free_card_and_sees_no_other(machine, monkeypatch: pytest.MonkeyPatch, before):
    machine(*CARDS)
    if before:
        monkeypatch.setenv(VISIBLE, before)
    other = held(FIRST)
    with exclusive_accelerator():
        assert os.environ[VISIBLE] == SECOND.uuid
    assert os.environ.get(VISIBLE) == before  # its next attempt may take another
    other.release()
    with exclusive_accelerator():
        assert os.environ[VISIBLE] == FIRST.uuid


@pytest.mark.parametrize(("before", "within"), [(None, "0"), ("3,1", "3"), ("", "")])
def test_without_the_drivers_library_a_job_sees_the_first_card(machine, monkeypatch, before, within: str):
    machine()
    if before is not None:
        monkeypatch.setenv(VISIBLE, before)
    with exclusive_accelerator():
        assert os.environ[VISIBLE] == within


def test_a_process_that_used_cuda_holds_its_card_until_it_ends(machine, monkeypatch: pytest.MonkeyPatch):
    machine(*CARDS)
    with exclusive_accelerator():
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    for _ in range(2):
        assert os.environ[VISIBLE] == FIRST.uuid
        assert not_free(FIRST)
        with exclusive_accelerator():
            assert not not_free(SECOND)
    lock._kept.clear()  # what the end of the process does
    assert not not_free(FIRST)


def not_free(card: Card) -> bool:
    test = "import sys; from filelock import FileLock; FileLock(sys.argv[1]).acquire(timeout=0)"
    run = subprocess.run([sys.executable, "-c", test, lock_path(card)], check=False, capture_output=True, text=True)
    assert not run.returncode or "Timeout" in run.stderr
    return bool(run.returncode)


def test_cuda_with_all_cards_is_no_start(machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    machine(*CARDS)
    with pytest.raises(RuntimeError, match="initialised before a card was chosen"), exclusive_accelerator():
        pass
    machine(FIRST)
    with exclusive_accelerator():
        assert os.environ[VISIBLE] == FIRST.uuid
