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
    terminal = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    with open(path, "w", encoding="utf-8") as log:
        for descriptor in terminal:
            os.dup2(log.fileno(), descriptor)
        try:
            yield
        except FinintentError as error:
            sentence = f"{type(error).__name__}: {error}\n"
            log.write(sentence)
            os.write(terminal[2], sentence.encode())
            sys.exit(1)
        finally:
            sys.stdout.flush()
            for descriptor, original in terminal.items():
                os.dup2(original, descriptor)
                os.close(original)
