"""The locks on a machine's cards: one job at a time uses a card, and a job uses one card."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from finintent.machine.cards import VARIABLE as VISIBLE
from finintent.machine.cards import Card, visible_cards
from finintent.progress import showing

logger = logging.getLogger(__name__)

VARIABLE = "FININTENT_LOCKS"
PERIOD_SECONDS = 0.05  # between two attempts to get a card

_kept: list[FileLock] = []  # until this process ends


def lock_path(card: Card | None) -> Path:
    """Return a card's lock file, in the folder that FININTENT_LOCKS names or in the machine's shared one.

    A machine without cards has one such file.
    """
    # Not TMPDIR: schedulers and Snakemake set one for each job, and two jobs must not see two locks.
    shared = "/tmp" if os.name == "posix" else tempfile.gettempdir()  # noqa: S108
    return Path(os.environ.get(VARIABLE) or shared) / f"finintent-gpu{f'-{card.uuid}' if card else ''}.lock"


@contextmanager
def exclusive_accelerator() -> Iterator[None]:
    """Hold the first free card that this process may use, and hide all others from it and its child processes.

    A machine without cards has one accelerator, its processor. So jobs of two Snakemake processes never share either.

    After the block another job may use the card. But where this process itself has used CUDA, its memory stays
    allocated, so it holds the card until it ends. The operating system frees a lock when its holder ends, even after a
    crash.
    """
    if _kept:
        yield
        return
    # Rows of many lengths would fragment a GPU's memory; segments that grow in place avoid that.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    cards, before = visible_cards(), os.environ.get(VISIBLE)
    if len(cards) > 1 and torch.cuda.is_initialized():
        raise RuntimeError("CUDA was initialised before a card was chosen, so this process cannot be bound to one")
    card, lock = _first_free(cards or [None])
    logger.debug("this job uses %s", _described(card))
    os.environ[VISIBLE] = card.uuid if card else os.environ.get(VISIBLE, "0").split(",")[0]
    try:
        yield
    finally:
        if torch.cuda.is_initialized():
            _kept.append(lock)
        else:
            lock.release()
            if before is None:
                del os.environ[VISIBLE]
            else:
                os.environ[VISIBLE] = before


def _first_free(cards: list[Card] | list[None]) -> tuple[Card | None, FileLock]:
    """Wait for one of the cards, and return it with its lock, which is held."""
    locks = {card: FileLock(lock_path(card), mode=0o666) for card in cards}

    def attempt() -> tuple[Card | None, FileLock] | None:
        for card, lock in locks.items():
            with suppress(Timeout):
                lock.acquire(timeout=0)
                return card, lock
        return None

    if free := attempt():
        return free
    awaited = " or ".join(map(_described, cards))
    folder = lock_path(cards[0]).parent
    logger.info("waiting for another job on this machine to free %s; the locks are in %s", awaited, folder)
    with showing(lambda: f"waiting for another job to free {awaited}"):
        while not (free := attempt()):
            time.sleep(PERIOD_SECONDS)
    return free


def _described(card: Card | None) -> str:
    return str(card) if card else "the accelerator"
