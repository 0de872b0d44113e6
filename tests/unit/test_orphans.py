"""A job ends when its Snakemake is killed, and stores what it has paid for first."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from finintent import orphans
from tiny import ROOT

# In a thread, like an answer of Claude that is under way; the job waits for it as `Claude` does.
JOB = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from finintent.logs import logged
folder = Path(sys.argv[1])
def answer():
    time.sleep(1)
    (folder / "answer").touch()
with logged(str(folder / "job.log")), ThreadPoolExecutor() as pool:
    pool.submit(answer)
    (folder / "started").touch()
    while True:
        time.sleep(60)
"""
# What ends in no reasonable time by itself.
STUBBORN = """
import os, signal, sys, time
from finintent import orphans
orphans.GRACE_SECONDS = 0.2
orphans.end_with_snakemake()
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
open(sys.argv[1] + "/started", "w").close()
time.sleep(60)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells when a process that is no child has ended")


def ended_with_snakemake(job: str, folder: Path) -> int:
    """Return the exit status of a job whose Snakemake is killed once it has started."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as snakemake:
        environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts"), orphans.VARIABLE: str(snakemake.pid)}
        with subprocess.Popen([sys.executable, "-c", job, str(folder)], env=environment) as process:
            while not (folder / "started").exists():
                assert process.poll() is None
                time.sleep(0.02)
            snakemake.kill()
            return process.wait(timeout=20)


def test_a_job_is_interrupted_and_stores_answers_under_way(tmp_path: Path):
    assert ended_with_snakemake(JOB, tmp_path) == 130
    assert (tmp_path / "answer").exists()
    assert "because Snakemake has ended" in (tmp_path / "job.log").read_text()


def test_a_job_that_goes_on_is_killed(tmp_path: Path):
    assert ended_with_snakemake(STUBBORN, tmp_path) == -9


def test_a_job_that_starts_after_the_end_of_its_snakemake_ends_too(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts"), orphans.VARIABLE: str(gone.pid)}
    job = subprocess.run([sys.executable, "-c", JOB, str(tmp_path)], env=environment, check=False, timeout=20)
    assert job.returncode == 130
