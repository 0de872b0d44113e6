"""What a running job tells on the terminal."""

import os
import pty
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest

from finintent import progress
from finintent.logs import logged, logger
from finintent.progress import JobLine, counted, showing


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("SILENCE", 0.3), ("MOVES", 0.02), ("QUIET_START", 0.05)):
        monkeypatch.setattr(progress, name, seconds)


def written(descriptor: int) -> str:
    os.set_blocking(descriptor, False)
    parts = []
    with suppress(BlockingIOError):
        while part := os.read(descriptor, 2**12):
            parts.append(part)
    return b"".join(parts).decode()


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def terminal():
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_where_there_is_no_terminal_a_line_comes_every_so_often(fast, pipe):
    with JobLine(pipe[1], "train_lora m"), showing(lambda: "step 3 of 9"):
        time.sleep(0.8)
    lines = written(pipe[0]).splitlines()
    assert 1 <= len(lines) <= 2
    assert all(re.fullmatch(r"train_lora m: step 3 of 9 \(\d s\)", line) for line in lines)


def test_a_job_that_says_enough_by_itself_says_no_more(fast, pipe):
    with JobLine(pipe[1], "job") as line:
        for _ in range(10):
            time.sleep(0.1)
            line.clear()
    assert written(pipe[0]) == ""


def test_on_a_terminal_one_line_moves_and_goes(fast, terminal):
    done = []
    with JobLine(terminal[1], "job"), showing(lambda: f"{len(done)} done"):
        for number in range(8):
            done.append(number)
            time.sleep(0.05)
    text = written(terminal[0])
    assert "\n" not in text
    assert "job: 3 done (0 s)" in text
    assert "job: 8 done (0 s)" in text
    assert text.endswith("\r\x1b[K")


def test_a_short_job_shows_no_line(terminal):
    with JobLine(terminal[1], "job"):
        pass
    assert written(terminal[0]) == ""


def test_the_innermost_status_is_shown_and_one_that_fails_is_not(fast, pipe):
    line = JobLine(pipe[1], "job")
    with line, showing(lambda: "outer"):
        with showing(lambda: "inner"):
            assert line._text(time.monotonic() + 200).startswith("job: inner (3 min 20 s)")
        with showing(lambda: 1 / 0):
            assert line._text(time.monotonic()).startswith("job: running (")
        assert line._text(time.monotonic()).startswith("job: outer (")
    assert line._text(time.monotonic()).startswith("job: running (")


def test_items_of_batches_are_counted(fast, pipe):
    with JobLine(pipe[1], "job") as line:
        told = [line._text(time.monotonic()) for _ in counted([[1, 2], [3]], 3, "questions answered")]
    assert [text.partition(" (")[0] for text in told] == [
        "job: 0 of 3 questions answered", "job: 2 of 3 questions answered",
    ]  # fmt: skip


def test_a_jobs_line_is_on_its_terminal_and_not_in_its_log(fast, tmp_path: Path, capfd):
    log = tmp_path / "results/logs/train_lora/m/d.log"
    log.parent.mkdir(parents=True)
    with logged(str(log)), showing(lambda: "step 1"):
        time.sleep(0.5)
        logger.info("a message")
    assert log.read_text() == "a message\n"
    printed = capfd.readouterr()
    assert printed.out == "a message\n"
    assert printed.err.startswith("train_lora m/d: step 1 (0 s)\n")


def test_ctrl_c_is_no_traceback(tmp_path: Path, capfd):
    with pytest.raises(SystemExit) as ended, logged(str(tmp_path / "log")):
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert (tmp_path / "log").read_text() == "Stopped by Ctrl-C, or because Snakemake has ended\n"
    assert capfd.readouterr().err == ""
