"""A script's log file, and how its messages and errors reach the user."""

import logging
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from finintent.errors import DiskSpaceError, FinintentError
from finintent.orphans import end_with_snakemake
from finintent.progress import JobLine

logger = logging.getLogger("finintent")  # the package's; scripts use it too, as their own name is __main__

FULL_DISK = "No space left on device"  # the operating system's message, whichever library or child process got it
LITTLE = 2**24  # bytes: a disk with less is full for every job, and may have had no room to log that message


class _Descriptor(logging.Handler):
    """Writes each record as one plain line to a file descriptor, after `before` was called."""

    def __init__(self, descriptor: int, level: int, before: Callable[[], None] = lambda: None) -> None:
        super().__init__(level)
        self._descriptor, self._before = descriptor, before

    def emit(self, record: logging.LogRecord) -> None:
        self._before()
        _write(self._descriptor, self.format(record) + "\n")


@contextmanager
def logged(path: str) -> Iterator[None]:
    """Send all output of this process and its children to a log file, and the package's messages also to the terminal.

    The log file gets messages of every level, the terminal those of level INFO and above, and a line on how far the job
    is (`progress`). A FinintentError or a full disk ends the process with one sentence, in the log and on the terminal.
    Ctrl-C ends it without one: Snakemake says what is kept. So does the end of its Snakemake. Any other error keeps its
    traceback, after a line that asks to report it.
    """
    terminal = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    with open(path, "w", encoding="utf-8") as log, JobLine(terminal[2], _job(path)) as line:
        handlers = _Descriptor(log.fileno(), logging.DEBUG), _Descriptor(terminal[1], logging.INFO, before=line.clear)
        before = logger.level
        logger.setLevel(logging.DEBUG)
        for handler in handlers:
            logger.addHandler(handler)
        for descriptor in terminal:
            os.dup2(log.fileno(), descriptor)
        try:
            end_with_snakemake()
            yield
        except KeyboardInterrupt:
            _write(log.fileno(), "Stopped by Ctrl-C, or because Snakemake has ended\n")
            sys.exit(130)
        except Exception as error:
            line.clear()
            full = _disk_is_full(error, Path(path))
            if not isinstance(error, FinintentError):
                _write(log.fileno(), traceback.format_exc())
            if full:
                error = DiskSpaceError(
                    f"{path}: a disk is full ({shutil.disk_usage(path).free / 10**6:.0f} MB are free here); free some, "
                    "or make results/ a link to a larger disk, then run again: finished results are kept"
                )
            if not isinstance(error, FinintentError):
                _write(terminal[2], f"An error that this project does not foresee; please report it with {path}\n")
                raise
            sentence = f"{type(error).__name__}: {error}\n"
            for descriptor in (terminal[2], log.fileno()):
                _write(descriptor, sentence)
            sys.exit(1)
        finally:
            for handler in handlers:
                logger.removeHandler(handler)
            logger.setLevel(before)
            with suppress(OSError):
                sys.stdout.flush()
            for descriptor, original in terminal.items():
                os.dup2(original, descriptor)
                os.close(original)


def _job(path: str) -> str:
    """Return a job's name by its log: "train_lora gemma/intents/500-rows/seed-42"."""
    name = path.partition("results/logs/")[2] or path
    return name.removesuffix(".log").replace("/", " ", 1)


def _write(descriptor: int, text: str) -> None:
    with suppress(OSError):  # the log's disk may be the full one
        os.write(descriptor, text.encode())


def _disk_is_full(error: Exception, log: Path) -> bool:
    reported = FULL_DISK in str(error) or FULL_DISK.encode() in log.read_bytes()
    return not isinstance(error, DiskSpaceError) and (reported or shutil.disk_usage(log).free < LITTLE)
