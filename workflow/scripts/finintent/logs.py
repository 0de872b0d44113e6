"""A script's log file, and how its errors reach the user."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from finintent.errors import FinintentError


@contextmanager
def logged(path: str) -> Iterator[Callable[[str], None]]:
    """Send all output of this process and its children to a log file; yield a print that reaches the terminal too.

    A FinintentError ends the process with its one sentence, in the log and on the terminal; any other error keeps
    its traceback.
    """
    terminal = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    with open(path, "w", encoding="utf-8") as log:
        for descriptor in terminal:
            os.dup2(log.fileno(), descriptor)

        def say(text: str) -> None:
            print(text, flush=True)
            os.write(terminal[1], f"{text}\n".encode())

        try:
            yield say
        except FinintentError as error:
            sentence = f"{type(error).__name__}: {error}\n"
            log.write(sentence)
            os.write(terminal[2], sentence.encode())
            sys.exit(1)
        except Exception:
            traceback.print_exc(file=log)
            raise
        finally:
            sys.stdout.flush()
            for descriptor, original in terminal.items():
                os.dup2(original, descriptor)
                os.close(original)
