"""A Slurm of two nodes on this machine's loopback, for the tests in this folder.

From Debian's packages: munged, slurmctld and one slurmd a node, each node with a GPU that is none. No systemd, database
or cgroups are needed, and everything that is written lies in one folder.
"""

import importlib.util
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from filelock import FileLock

PACKAGES = ["munge", "slurm-client", "slurmctld", "slurmd"]
NODES = ["gpu1", "gpu2"]
# Seconds until Slurm takes a silent node for failed, until it gives up a connection, and until a job that it requeues
# may start again.
SILENCE, CONNECTING, DELAY = 5, 3, 5
TIMEOUT = 120  # seconds that anything may take

CONFIGURATION = """
ClusterName=finintent
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
# Two clusters on this machine number their jobs apart: a job's processes are known by its number.
FirstJobId={first_job}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire={delay}
# Listen at the address that the host's name resolves to, and at no other.
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/spool-%n
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog={folder}/prolog
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=2,batch_sched_delay=0,sched_min_interval=100000
SlurmdTimeout={silence}
# A job has the niceness of the process that submits it.
PropagatePrioProcess=1
MessageTimeout={connecting}
KillWait=2
MinJobAge=3600
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/ended.txt
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName={nodes} NodeHostname={host} NodeAddr=127.0.0.1 Port={node_ports} CPUs=8 RealMemory=64000 Gres=gpu:1
PartitionName=gpu Nodes={nodes} Default=YES MaxTime=INFINITE
"""
# Two jobs of one node could run side by side, but for the GPU: each asks for a quarter of its processors.
DEVICES = "AutoDetect=off\nNodeName={nodes} Name=gpu File=/dev/null\n"
# The nodes share this machine's /tmp; real ones do not.
PROLOG = '#!/bin/sh\necho "export FININTENT_LOCKS={folder}/locks-$SLURMD_NODENAME"\n'
# The plugin's job step drops SLURM_CONF before it calls srun, which then looks in /etc.
SRUN = '#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {srun} "$@"\n'


def unavailable() -> str | None:
    """Return why no cluster can be brought up here, None where one can."""
    host = socket.gethostname()
    if os.environ.get("FININTENT_SLURM") != "1":
        return "installs Slurm and takes 3 to 4 minutes; set FININTENT_SLURM=1 to run it"
    if os.name != "posix" or os.geteuid() != 0:
        return "needs root, to install and run Slurm"
    if not shutil.which("slurmctld") and not shutil.which("apt-get"):
        return "needs Slurm, or apt-get to install it"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "needs the packages of requirements-cluster.lock (make cluster)"
    with suppress(OSError):
        if socket.gethostbyname(host).startswith("127."):
            return None
    return f"needs the line `127.0.0.1 {host}` in /etc/hosts, so that Slurm listens on the loopback alone"


@dataclass(frozen=True)
class Ended:
    """A job's end, by slurmctld's own record.

    Attributes:
        job: Slurm's number of it; a job that was requeued ends more than once.
        name: the run of Snakemake that submitted it.
        state: how it ended, such as COMPLETED or NODE_FAIL.
        node: where it ran, empty where it did not.
        gpu: whether it held a GPU.
        start: seconds since the epoch, whole ones.
        end: likewise.
    """

    job: int
    name: str
    state: str
    node: str
    gpu: bool
    start: float
    end: float


def wait_for(condition: Callable[[], object], what: str, seconds: float = TIMEOUT) -> object:
    """Return the first true value of a condition.

    Raises:
        TimeoutError: there was none in time.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.1)
    return value


class Cluster:
    """The running cluster.

    Attributes:
        folder: everything of it.
        environment: the variables with which Slurm's commands, and Snakemake, find it.
        submitters: processes that submit jobs, which end with it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.submitters: list[subprocess.Popen] = []
        self.environment = os.environ | {
            "SLURM_CONF": f"{folder}/slurm.conf",
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
        }

    def start(self) -> None:
        """Install Slurm where it is missing, write the configuration, and wait until all nodes are idle."""
        with FileLock("/tmp/finintent-apt.lock"):
            if not all(map(shutil.which, ("munged", "slurmctld", "slurmd", "sbatch"))):
                quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
                subprocess.run(["apt-get", "update", "-qq"], check=True, **quiet)
                install = ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *PACKAGES]
                subprocess.run(install, check=True, **quiet)
        self._configure()
        munge = {"key-file": "key", "socket": "munge.socket", "pid-file": "munged.pid", "log-file": "munged.log"}
        munge |= {"seed-file": "seed"}
        self._run("munged", *(f"--{option}={self.folder}/{name}" for option, name in munge.items()))
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        wait_for(lambda: self.states() == ["idle"] * len(NODES), f"idle nodes; {self.folder} has logs")

    def _configure(self) -> None:
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(1 + len(NODES))]
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            control_port, *node_ports = (each.getsockname()[1] for each in sockets)
        places = {
            "host": socket.gethostname().split(".")[0],
            "folder": self.folder,
            "nodes": ",".join(NODES),
            "control_port": control_port,
            "node_ports": ",".join(map(str, node_ports)),
            "first_job": 100 * control_port,
            "srun": shutil.which("srun"),
            "silence": SILENCE,
            "connecting": CONNECTING,
            "delay": DELAY,
        }
        (self.folder / "bin").mkdir()
        for name, text in {
            "slurm.conf": CONFIGURATION, "gres.conf": DEVICES, "cgroup.conf": "", "prolog": PROLOG, "bin/srun": SRUN,
        }.items():  # fmt: skip
            (self.folder / name).write_text(text.format(**places))
        for name in ("prolog", "bin/srun"):
            (self.folder / name).chmod(0o755)
        for node in NODES:
            (self.folder / f"locks-{node}").mkdir()
        self.folder.chmod(0o755)  # munged refuses a folder that others may write to
        key = self.folder / "key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(1024))

    def stop(self) -> None:
        """End what submits jobs, cancel all jobs, and end what `start` started."""
        for process in self.submitters:
            process.kill()
            process.wait()
        self._run("scancel", "--user=root")
        with suppress(TimeoutError):
            wait_for(lambda: not self.queue("%i"), "the end of all jobs", seconds=20)
        daemons = []
        for name in [*(f"slurmd-{node}" for node in NODES), "slurmctld", "munged"]:
            with suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
                daemons.append(psutil.Process(int((self.folder / f"{name}.pid").read_text())))
        for number in (signal.SIGTERM, signal.SIGKILL):
            for daemon in daemons:
                with suppress(psutil.NoSuchProcess):
                    daemon.send_signal(number)
            _, daemons = psutil.wait_procs(daemons, timeout=2)

    def start_controller(self) -> None:
        """Start slurmctld, and wait until it answers."""
        self._run("slurmctld")
        wait_for(self.states, "slurmctld's answer")

    def kill_controller(self, number: int = signal.SIGKILL) -> None:
        """Kill slurmctld, without warning, or end it by another signal."""
        controller = psutil.Process(int((self.folder / "slurmctld.pid").read_text()))
        controller.send_signal(number)
        wait_for(lambda: not controller.is_running(), "the end of slurmctld")

    def repair(self) -> None:
        """Do what an administrator does once slurmctld was killed a few seconds after it had started a job.

        It does not know of the start, sends the job again, and takes the node out of service because the job is there.
        """
        for line in self._run("sinfo", "--noheader", "--Node", "--format=%N %T", check=False).splitlines():
            node, state = line.split()
            if state.startswith("drain"):
                self._run("scontrol", "update", f"NodeName={node}", "State=RESUME", check=False)
        for line in self.queue("%i %r", "--states=pending"):
            job, reason = line.split(maxsplit=1)
            if "held" in reason:
                self._run("scontrol", "release", job, check=False)

    def start_node(self, node: str) -> None:
        """Start a node's slurmd."""
        self._run("slurmd", "-N", node)

    def kill_node(self, node: str) -> None:
        """Kill a node's slurmd and everything that runs on the node, all at once, as a power failure would."""
        jobs = self.queue("%i", "--nodelist", node, "--states=running")
        daemon = psutil.Process(int((self.folder / f"slurmd-{node}.pid").read_text()))
        steps = [
            process
            for process in psutil.process_iter(["cmdline"])
            if any(" ".join(process.info["cmdline"] or []).startswith(f"slurmstepd: [{job}.") for job in jobs)
        ]
        doomed = [daemon, *steps]
        for process in [*doomed]:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
                doomed += process.children(recursive=True)
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def states(self) -> list[str]:
        """Return the state of each node."""
        return self._run("sinfo", "--noheader", "--Node", "--format=%T", check=False).split()

    def queue(self, fields: str, *options: str) -> list[str]:
        """Return a line of squeue for each job that has not ended."""
        return self._queue(f"--format={fields}", *options)

    def _queue(self, *options: str) -> list[str]:
        return self._run("squeue", "--noheader", *options, check=False).splitlines()

    def cancel(self, *options: str) -> None:
        """Run scancel."""
        self._run("scancel", *options)

    def ended(self) -> list[Ended]:
        """Return slurmctld's record of each job that has ended, in the order of their ends."""
        path = self.folder / "ended.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        rows = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines]
        # Without a database, the records do not tell which job held a GPU.
        gpus = {line.split()[0] for line in self._queue("--states=all", "--Format=JobID,tres-per-job") if "gpu" in line}
        return [
            Ended(
                job=int(row["JobId"]),
                name=row["Name"],
                state=row["JobState"],
                node=row["NodeList"].replace("(null)", ""),
                gpu=row["JobId"] in gpus,
                start=_seconds(row["StartTime"]),
                end=_seconds(row["EndTime"]),
            )
            for row in rows
        ]

    def _run(self, *command: str, check: bool = True) -> str:
        result = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
        if check and result.returncode:
            raise AssertionError(f"{shlex.join(command)} ended with {result.returncode}: {result.stderr}")
        return result.stdout


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp() if stamp[:1].isdigit() else 0
