"""The lock on the machine's accelerator."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from finintent.logs import logged
from finintent.machine.lock import FILE_NAME, VARIABLE, exclusive_accelerator


def test_a_job_that_waits_says_so_on_the_terminal(tmp_path: Path, capfd, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    log = tmp_path / "log"
    waiting = f"waiting for another job on this machine to free {tmp_path / FILE_NAME}\n"

    def wait() -> None:
        with exclusive_accelerator():
            pass

    with logged(str(log)), ThreadPoolExecutor(1) as pool:
        with exclusive_accelerator():
            job = pool.submit(wait)
            while not log.read_text():
                time.sleep(0.01)
            assert not job.done()
        job.result()
    assert log.read_text() == waiting
    assert capfd.readouterr().out == waiting
