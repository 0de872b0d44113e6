"""A script's log file, and how its errors reach the user."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from finintent.errors import FinintentError


@contextmanager
def logged(path: str) -> Iterator[None]:
    """Send all output of this process and its children to a log file.

    A FinintentError ends the process with its one sentence, in the log and on the terminal; any other error keeps
    its traceback.
    """
    terminal = os.dup(2)
    with open(path, "w", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield
        except FinintentError as error:
            sentence = f"{type(error).__name__}: {error}\n"
            log.write(sentence)
            os.write(terminal, sentence.encode())
            sys.exit(1)
