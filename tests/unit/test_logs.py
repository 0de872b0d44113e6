"""A script's log, what reaches the terminal, and what a full disk is called, whoever meets it."""

import errno
import logging
import shutil
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest

from finintent import logs
from finintent.errors import MergeError
from finintent.logs import logged, logger

Usage = namedtuple("Usage", "total used free")


def fail(log: Path, error: Exception, child: str | None = None) -> None:
    with logged(str(log)):
        if child:
            subprocess.run(["sh", "-c", f"echo '{child}' >&2"], check=True)
        raise error


def test_messages_reach_the_log_and_those_for_the_user_the_terminal(tmp_path: Path, capfd):
    with logged(str(tmp_path / "log")):
        subprocess.run(["sh", "-c", "echo out; echo err >&2"], check=True)
        logger.debug("detail")
        logging.getLogger("finintent.some.module").info("%.1f of %d GB, 100 %%", 0.25, 3)
        logger.info("100 %")
    assert (tmp_path / "log").read_text() == "out\nerr\ndetail\n0.2 of 3 GB, 100 %\n100 %\n"
    assert capfd.readouterr() == ("0.2 of 3 GB, 100 %\n100 %\n", "")


def test_outside_a_script_messages_go_nowhere_and_errors_leave_nothing_behind(tmp_path: Path, capfd):
    with pytest.raises(SystemExit):
        fail(tmp_path / "log", MergeError("no"))
    capfd.readouterr()
    logger.info("nobody asked")
    assert capfd.readouterr() == ("", "")
    assert logger.handlers == []
    assert not logger.isEnabledFor(logging.INFO)


@pytest.mark.parametrize(
    ("error", "child"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (RuntimeError("I/O error: No space left on device (os error 28)"), None),
        (MergeError("it ended with status 1"), "OSError: [Errno 28] No space left on device"),
    ],
)
def test_a_full_disk_is_one_sentence(tmp_path: Path, capfd, error: Exception, child: str | None):
    log = tmp_path / "log"
    with pytest.raises(SystemExit):
        fail(log, error, child)
    printed = capfd.readouterr().err
    assert printed.startswith(f"DiskSpaceError: {log}: a disk is full")
    assert "then run again" in printed
    assert "Traceback" not in printed
    assert printed in log.read_text()


def test_a_disk_too_full_for_the_words_is_full(tmp_path: Path, capfd, monkeypatch):
    monkeypatch.setattr(logs.shutil, "disk_usage", lambda path: Usage(100, 100, 0))
    with pytest.raises(SystemExit):
        fail(tmp_path / "log", RuntimeError("PytorchStreamWriter failed writing file"))
    assert "a disk is full (0 MB are free here)" in capfd.readouterr().err


def test_another_error_keeps_its_traceback(tmp_path: Path, capfd):
    assert shutil.disk_usage(tmp_path).free > logs.LITTLE
    with pytest.raises(KeyError):
        fail(tmp_path / "log", KeyError("x"))
    assert "Traceback" in (tmp_path / "log").read_text()
    asked = f"An error that this project does not foresee; please report it with {tmp_path / 'log'}\n"
    assert capfd.readouterr().err == asked
