"""A child process that the system kills when this process is killed, even by `kill -9`.

Without it, training would go on without its job, and hold the card.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # of Linux' prctl


def tied(line: list[str]) -> list[str]:
    """Return the command line that runs another one tied to this process; on other systems than Linux that one itself.

    It has to be started from the main thread: Linux watches the thread that starts a process.
    """
    return [sys.executable, "-I", __file__, str(os.getpid()), *line] if sys.platform == "linux" else line


def _become(parent: int, line: list[str]) -> None:
    """Tie this process to its parent, and become another command."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        sys.exit(1)
    try:
        os.execvp(line[0], line)  # noqa: S606 - the command of run_llamafactory
    except OSError as error:
        sys.exit(f"{line[0]}: cannot be run ({error.strerror}); activate the environment (.venv)")


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
