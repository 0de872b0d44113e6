"""The lock on a machine's accelerator: one job at a time uses it."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from finintent.progress import showing

logger = logging.getLogger(__name__)

VARIABLE = "FININTENT_LOCKS"
FILE_NAME = "finintent-gpu.lock"


def lock_path() -> Path:
    """Return the accelerator's lock file, in the folder that FININTENT_LOCKS names or in the machine's shared one."""
    # Not TMPDIR: schedulers and Snakemake set one for each job, and two jobs must not see two locks.
    shared = "/tmp" if os.name == "posix" else tempfile.gettempdir()  # noqa: S108
    return Path(os.environ.get(VARIABLE) or shared) / FILE_NAME


@contextmanager
def exclusive_accelerator() -> Iterator[None]:
    """Hold the machine's accelerator lock, so that jobs of two Snakemake processes never share the card.

    The operating system frees the lock when its holder ends, even after a crash.
    """
    # Rows of many lengths would fragment a GPU's memory; segments that grow in place avoid that.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    lock = FileLock(lock_path(), mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("waiting for another job on this machine to free %s", lock.lock_file)
        with showing(lambda: "waiting for another job on this machine"):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
