"""Snakemake on the cluster, and what its log tells."""

import os
import re
import signal
import subprocess
import sys
from itertools import combinations
from pathlib import Path

from slurm.cluster import Cluster, Ended, wait_for

# Snakemake whose plugin looks at its jobs each second. The plugin's own pauses grow by 10 seconds each time that no job
# has ended, and none of its options keeps them short.
SNAKEMAKE = """
from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor
Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, seconds: None)
main()
"""
QUICK = ["--latency-wait", "5"]


class Submission:
    """A process of Snakemake that submits its jobs to a cluster, with the shipped profile.

    Where two clusters share the processors, the jobs of the one that has more time can be nice.
    """

    def __init__(
        self, cluster: Cluster, workspace: Path, *arguments: str, niceness: int = 0, **environment: str
    ) -> None:
        self.log = workspace / f"submission-{len([*workspace.glob('submission-*')])}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SNAKEMAKE, "--workflow-profile", "profiles/slurm", *QUICK, *arguments],
                cwd=workspace,
                env=cluster.environment | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: os.nice(niceness),
            )
        cluster.submitters.append(self.process)

    @property
    def text(self) -> str:
        """What Snakemake has printed."""
        return self.log.read_text(errors="replace")

    @property
    def run_id(self) -> str:
        """The name of its jobs in Slurm."""
        return re.search(r"SLURM run ID: (\S+)", self.text)[1]

    def wait(self, seconds: float = 150) -> int:
        """Return its exit status."""
        wait_for(lambda: self.process.poll() is not None, f"the end of Snakemake, see {self.log}", seconds)
        return self.process.returncode

    def kill(self) -> None:
        """Kill it as the system would, without warning."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def sharing(ended: list[Ended]) -> list[tuple[Ended, Ended]]:
    """Return the pairs of jobs that held the GPU of one node at one time, by slurmctld's stamps of whole seconds."""
    held = [job for job in ended if job.gpu and job.node]
    return [
        (first, second)
        for first, second in combinations(held, 2)
        if first.node == second.node and min(first.end, second.end) > max(first.start, second.start)
    ]
