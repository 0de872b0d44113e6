"""What a running job tells on the terminal: one line that moves, or a plain line every half minute."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

Item = TypeVar("Item")

SILENCE = 30.0  # seconds between two plain lines
MOVES = 1.0  # seconds between two states of a line that moves
QUIET_START = 2.0  # seconds that a job may take without such a line

_statuses: list[Callable[[], str]] = []  # of the blocks that are running, the innermost last


@contextmanager
def showing(status: Callable[[], str]) -> Iterator[None]:
    """Let the job's line tell what `status` returns while the block runs; it is called from another thread."""
    _statuses.append(status)
    try:
        yield
    finally:
        _statuses.remove(status)


def counted(batches: Iterable[list[Item]], total: int, what: str) -> Iterator[list[Item]]:
    """Yield batches, and let the job's line tell how many items of `total` were in those that are done."""
    done = 0
    with showing(lambda: f"{done} of {total} {what}"):
        for batch in batches:
            yield batch
            done += len(batch)


class JobLine:
    """The line of one job on a terminal, or what takes its place in a file or pipe.

    Args:
        descriptor: of the job's standard error.
        job: its name.
    """

    def __init__(self, descriptor: int, job: str) -> None:
        self._descriptor, self._job = os.dup(descriptor), job  # its own: the job may close the other one first
        self._moves = os.isatty(descriptor)
        self._begun = self._told = time.monotonic()
        self._shown = False
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "JobLine":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.clear()
        os.close(self._descriptor)

    def clear(self) -> None:
        """Take the line off the terminal, so that a message can be written; the next state brings it back."""
        with self._lock:
            self._told = time.monotonic()
            if self._shown:
                self._write("\r\x1b[K")
                self._shown = False

    def _run(self) -> None:
        while not self._ended.wait(MOVES):
            now = time.monotonic()
            with self._lock:
                if self._moves and now - self._begun > QUIET_START:
                    self._write(f"\r\x1b[K{self._text(now)[: self._width() - 1]}")
                    self._shown = True
                elif not self._moves and now - self._told >= SILENCE:
                    self._write(f"{self._text(now)}\n")
                    self._told = now

    def _text(self, now: float) -> str:
        status = "running"
        with suppress(Exception):  # a status reads what another process writes at the moment
            status = (_statuses[-1]() if _statuses else "") or status
        minutes, seconds = divmod(int(now - self._begun), 60)
        return f"{self._job}: {status} ({f'{minutes} min ' if minutes else ''}{seconds} s)"

    def _width(self) -> int:
        with suppress(OSError):
            return os.get_terminal_size(self._descriptor).columns or 80
        return 80

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal may be gone
            os.write(self._descriptor, text.encode(errors="replace"))
