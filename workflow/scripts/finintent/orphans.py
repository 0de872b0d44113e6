"""The end of a job whose Snakemake has been killed.

Nobody would check the job's results, and the next Snakemake would do the same work beside it.
"""

import os
import select
import signal
import threading
from contextlib import suppress

VARIABLE = "FININTENT_SNAKEMAKE"  # the number of the process of Snakemake that runs this job
GRACE_SECONDS = 300.0  # for answers under way, which are paid: as long as one try of a request may take


def end_with_snakemake() -> None:
    """Interrupt this process, as Ctrl-C does, when its Snakemake has ended; kill it where that does not suffice.

    Call it from the main thread. It does nothing outside a job of Snakemake, and where the system is not Linux.
    """
    if VARIABLE not in os.environ or not hasattr(os, "pidfd_open"):
        return
    # Not SIGINT, which a shell lets its background processes ignore.
    signal.signal(signal.SIGUSR1, signal.default_int_handler)
    threading.Thread(
        target=_watch, args=(int(os.environ[VARIABLE]), threading.main_thread().ident), daemon=True
    ).start()


def _watch(snakemake: int, main_thread: int) -> None:
    with suppress(ProcessLookupError):  # it ended before
        select.select([os.pidfd_open(snakemake)], [], [])
    signal.pthread_kill(main_thread, signal.SIGUSR1)
    threading.Event().wait(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
