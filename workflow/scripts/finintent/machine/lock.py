"""The one accelerator of a machine: one job at a time uses it."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

VARIABLE = "FININTENT_LOCKS"
FILE_NAME = "finintent-gpu.lock"


def lock_path() -> Path:
    """Return the file whose lock stands for the accelerator: in the folder of FININTENT_LOCKS, else of the machine."""
    # Not TMPDIR: schedulers and Snakemake set one for each job, and two jobs must not see two locks.
    shared = "/tmp" if os.name == "posix" else tempfile.gettempdir()  # noqa: S108
    return Path(os.environ.get(VARIABLE) or shared) / FILE_NAME


@contextmanager
def exclusive_accelerator() -> Iterator[None]:
    """Hold the machine's accelerator lock, so that jobs of two Snakemake processes never share the card.

    The lock is the operating system's: it is freed when its holder ends, however it ends.
    """
    # Of a GPU, memory that grows in place: rows of many lengths would leave gaps in it.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    lock = FileLock(lock_path(), mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("waiting for another job on this machine to free %s", lock.lock_file)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
