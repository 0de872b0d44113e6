"""A job that is killed takes its child with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from finintent.machine.tied_process import tied
from tiny import ROOT

PARENT = """
import subprocess, sys
from finintent.machine.tied_process import tied
sys.exit(subprocess.run(tied(sys.argv[1:])).returncode)
"""
CHILD = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"


def start(*line: str) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    return subprocess.Popen([sys.executable, "-c", PARENT, *line], env=environment)


def wait_for(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def runs(pid: int) -> bool:
    """Return whether a process runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="a child is tied to its parent by Linux' prctl")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_job_leaves_no_child(tmp_path: Path, number: signal.Signals):
    note = tmp_path / "pid"
    with start(sys.executable, "-c", CHILD, str(note)) as job:
        assert wait_for(lambda: note.is_file() and note.read_text())
        child = int(note.read_text())
        assert runs(child)
        job.send_signal(number)
    assert wait_for(lambda: not runs(child))


@pytest.mark.parametrize("status", [0, 3])
def test_the_status_and_the_output_are_the_childs(status: int, capfd):
    with start(sys.executable, "-c", f"import sys; print('words'); sys.exit({status})") as job:
        assert job.wait() == status
    assert capfd.readouterr().out == "words\n"


def test_a_command_that_is_not_there_is_one_sentence(capfd):
    with start("no-such-command") as job:
        assert job.wait() == 1
    assert "no-such-command: cannot be run (No such file or directory); activate" in capfd.readouterr().err


def test_elsewhere_a_command_stays_as_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert tied(["a", "b"]) == ["a", "b"]
