"""Disturb tiny studies by faults at random moments, and compare what they make with an undisturbed study.

    make cluster
    python tests/faults/campaign.py --faults 30

Studies take turns: one runs on this machine with its results in a bucket, the next on the Slurm of tests/slurm. Claude
is tests/fake_claude.py, which counts what it was paid for. Snakemake is started again as docs/cluster.md says, until it
ends with 0. Rows carry the date of their answer, so do not run it over midnight, UTC. Needs root: for Slurm, and for a
small disk of each study that can be filled.
"""

import argparse
import enum
import hashlib
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

import boto3
from moto.server import ThreadedMotoServer

from fake_claude import FakeClaude
from faults.relay import Relay
from slurm.cluster import NODES, Cluster, wait_for
from slurm.submitting import QUICK, SNAKEMAKE, sharing
from tiny import DATASET, make_workspace, tiny_config, write_tiny_model
from writer import Writer

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "ANTHROPIC_API_KEY": "sk-ant-campaign",
    # One thread a process keeps the arithmetic the same. The second is for the processes that LlamaFactory gets.
    "OMP_NUM_THREADS": "1",
    "LOKY_MAX_CPU_COUNT": "1",
    "PYTHONDONTWRITEBYTECODE": "",
    "SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "key",
    "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "secret",
}
COMPARED = (  # an asterisk is for folders too
    "candidates/*.jsonl", "curated/*.jsonl", "predictions/*/evaluation.jsonl", "predictions/*/validation.jsonl",
    "sft/*/adapter_model.safetensors",
)  # fmt: skip
BUCKET = "campaign"
DISK_MB = 256
PAUSE, OUTAGE = (3, 35), (2, 20)  # seconds, from and to: between two faults, and until a node or disk is back
LONGEST = 900  # seconds of a study, after which it hangs
STARTS = 12  # of Snakemake, at most, in one study


class Kind(enum.StrEnum):
    """What a fault hits."""

    JOB = enum.auto()  # all processes of a job, at once
    PROCESS = enum.auto()  # one process of a job, as when memory is short
    SNAKEMAKE = enum.auto()
    NODE = enum.auto()
    SLURMCTLD = enum.auto()
    S3 = enum.auto()
    DISK = enum.auto()


KINDS = {
    "slurm": [Kind.JOB, Kind.PROCESS, Kind.SNAKEMAKE, *[Kind.NODE] * 2, *[Kind.SLURMCTLD] * 2, Kind.DISK],
    "bucket": [Kind.JOB, Kind.PROCESS, Kind.SNAKEMAKE, *[Kind.S3] * 3, Kind.DISK],
}

# Where each study runs, and how Claude is asked.
ROUND = [("bucket", "batches"), ("slurm", "messages"), ("bucket", "messages"), ("slurm", "batches")]


class Study:
    """A tiny study, on a disk of its own, whose rows a server of its own writes.

    Attributes:
        seeds: those of its trainings.
    """

    seeds = (1, 2)

    def __init__(self, folder: Path, server: FakeClaude, mode: str) -> None:
        self.folder, self.server = folder, server
        config = tiny_config({"tiny": Path("models/tiny")})
        config["study"]["seeds"] = [*self.seeds]
        config["training"]["num_train_epochs"] = 12
        config["scoring"] = {"few_shot": 0}
        config["datasets"][DATASET]["generation"] = {
            "backend": "anthropic",
            "anthropic": {
                "store": "responses.jsonl", "model": "claude-haiku-5-5", "queries_per_request": 2, "concurrency": 2,
                "mode": mode, "batch_poll_seconds": 1,
            },
        }  # fmt: skip
        self.workspace = make_workspace(folder / "disk/study", config)
        shutil.copytree(folder.parent / "tiny", self.workspace / "models/tiny")
        self.starts = 0
        self.process: psutil.Popen | None = None
        self.orphans: list[str] = []  # processes that were left where a Snakemake had ended

    def command(self) -> list[str]:
        """Return the command that runs the study."""
        return ["snakemake", "--cores", "2", "--resources", "gpu=1"]

    def environment(self) -> dict[str, str]:
        """Return the environment of Snakemake."""
        locks = {"FININTENT_LOCKS": str(self.folder)}
        return os.environ | ENVIRONMENT | locks | {"ANTHROPIC_BASE_URL": self.server.url}

    @property
    def log(self) -> Path:
        """The output of the last Snakemake, on another disk than the study."""
        return self.folder / f"snakemake-{self.starts}.log"

    def printed(self) -> str:
        """Return the end of what the last Snakemake printed."""
        return self.log.read_text(errors="replace")[-2000:]

    def start(self) -> None:
        """Start Snakemake; after one that left its lock, as docs/cluster.md says."""
        if self.starts:
            self.clean_up()
            self.orphans += self.left()
        self.starts += 1
        with self.log.open("w") as log:
            self.process = psutil.Popen(
                self.command(), cwd=self.workspace, env=self.environment(), stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self) -> None:
        """Kill Snakemake if it still runs, and end its jobs."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.clean_up()

    def clean_up(self) -> None:
        """Take the lock away that a killed Snakemake has left."""
        self.run("--unlock")

    def run(self, *arguments: str) -> str:
        """Run Snakemake and return what it prints."""
        command = [*self.command(), *arguments]
        result = subprocess.run(
            command, cwd=self.workspace, env=self.environment(), capture_output=True, text=True, check=False
        )
        return result.stdout + result.stderr

    def processes(self) -> list[psutil.Process]:
        """Return the processes that run in the workspace, without Snakemake itself."""
        found = [
            process
            for process in psutil.process_iter(["cwd", "status"])
            if (process.info["cwd"] or "").startswith(str(self.workspace)) and process.info["status"] != "zombie"
        ]
        return [process for process in found if self.process is None or process.pid != self.process.pid]

    def scripts(self) -> list[psutil.Process]:
        """Return the processes that run a rule's script."""
        return [process for process in self.processes() if ".snakemake/scripts/" in command_line(process)]

    def left(self) -> list[str]:
        """Return the command lines of processes that still run some seconds after Snakemake has ended."""
        with suppress(TimeoutError):
            wait_for(lambda: not self.processes(), "the end of all processes", seconds=15)
        return [command_line(process) for process in self.processes()]

    def results(self) -> dict[str, str]:
        """Return the digest of each compared result by its path."""
        results = self.workspace / "results"
        names = [str(path.relative_to(results)) for path in results.rglob("*")]
        return {name: digest((results / name).read_bytes()) for name in names if compared(name)}

    def look_after(self) -> None:
        """Do what has to be done by hand while Snakemake runs."""

    def sharing(self) -> list[str]:
        """Return the pairs of jobs that held one card at one time."""
        return []

    # Each of these injects a fault, and returns what it hit and the function that ends it; None if nothing was there.

    def hit_job(self, rng: random.Random) -> tuple[str, None] | None:
        if not (scripts := self.scripts()):
            return None
        script = rng.choice(scripts)
        name = name_of(script)
        for process in [*reversed(script.children(recursive=True)), script]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return name, None

    def hit_process(self, rng: random.Random) -> tuple[str, None] | None:
        if not (processes := self.processes()):
            return None
        process = rng.choice(processes)
        name = name_of(process)
        process.kill()
        return name, None

    def hit_snakemake(self, rng: random.Random) -> tuple[str, None] | None:
        if self.process.poll() is not None:
            return None
        running = ", ".join(sorted(map(name_of, self.scripts()))) or "no job"
        self.process.kill()
        self.process.wait()
        return f"while it ran {running}", None

    def hit_disk(self, rng: random.Random) -> tuple[str, Callable[[], None]]:
        filler = self.folder / "disk/filler"
        running = ", ".join(sorted(map(name_of, self.scripts()))) or "no job"
        with filler.open("wb", buffering=0) as file:
            for size in (2**20, 2**12):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        return f"full while it ran {running}", filler.unlink


class SlurmStudy(Study):
    """A study on the cluster of tests/slurm."""

    def __init__(self, folder: Path, server: FakeClaude, mode: str, cluster: Cluster) -> None:
        super().__init__(folder, server, mode)
        self.cluster = cluster

    def command(self) -> list[str]:
        return [sys.executable, "-c", SNAKEMAKE, "--workflow-profile", "profiles/slurm", *QUICK]

    def environment(self) -> dict[str, str]:
        variables = ("SLURM_CONF", "PATH")
        return super().environment() | {name: self.cluster.environment[name] for name in variables}

    def clean_up(self) -> None:
        for name in self.names():
            self.cluster.cancel("--name", name)
            wait_for(lambda name=name: not self.cluster.queue("%i", "--name", name), "the cancelled jobs")
        super().clean_up()

    def names(self) -> set[str]:
        """Return the names in Slurm of all jobs of the study."""
        logs = [path.read_text(errors="replace") for path in self.folder.glob("snakemake-*.log")]
        return {name for log in logs for name in re.findall(r"SLURM run ID: (\S+)", log)}

    def look_after(self) -> None:
        self.cluster.repair()

    def sharing(self) -> list[str]:
        jobs = [job for job in self.cluster.ended() if job.name in self.names()]
        return [f"{first} and {second} shared a card" for first, second in sharing(jobs)]

    def hit_job(self, rng: random.Random) -> tuple[str, None] | None:
        # The whole group of a job's step, with the Snakemake that runs there.
        if not (scripts := [script for script in self.scripts() if "SLURM_JOB_ID" in script.environ()]):
            return super().hit_job(rng)
        script = rng.choice(scripts)
        name = name_of(script)
        os.killpg(os.getpgid(script.pid), signal.SIGKILL)
        return name, None

    def hit_node(self, rng: random.Random) -> tuple[str, Callable[[], None]]:
        node = rng.choice(NODES)
        jobs = self.cluster.queue("%k", "--nodelist", node, "--states=running")
        self.cluster.kill_node(node)
        return f"{node} with {len(jobs)} jobs", lambda: self.cluster.start_node(node)

    def hit_slurmctld(self, rng: random.Random) -> tuple[str, Callable[[], None]]:
        jobs = self.cluster.queue("%i", "--states=running")
        self.cluster.kill_controller()
        return f"with {len(jobs)} jobs", self.cluster.start_controller


class BucketStudy(Study):
    """A study on this machine, with its results in a bucket of a local S3 server."""

    seeds = (1,)

    def __init__(self, folder: Path, server: FakeClaude, mode: str, relay: Relay) -> None:
        super().__init__(folder, server, mode)
        self.relay, self.prefix = relay, folder.name

    def command(self) -> list[str]:
        return [
            *super().command(),
            "--profile", "profiles/s3",
            "--storage-s3-endpoint-url", f"http://127.0.0.1:{self.relay.port}",
            "--default-storage-prefix", f"s3://{BUCKET}/{self.prefix}",
        ]  # fmt: skip

    def results(self) -> dict[str, str]:
        s3 = boto3.resource(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.relay.port}",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        root = f"{self.prefix}/results/"
        stored = {item.key.removeprefix(root): item for item in s3.Bucket(BUCKET).objects.filter(Prefix=root)}
        return {name: digest(item.get()["Body"].read()) for name, item in stored.items() if compared(name)}

    def hit_s3(self, rng: random.Random) -> tuple[str, Callable[[], None]]:
        running = ", ".join(sorted(map(name_of, self.scripts()))) or "no job"
        cut = self.relay.close()
        return f"{cut} connections cut, while it ran {running}", self.relay.open


def command_line(process: psutil.Process) -> str:
    """Return the command line of a process, "" if it has ended."""
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return " ".join(process.cmdline())
    return ""


def name_of(process: psutil.Process) -> str:
    """Return the rule whose script a process runs, or what else it is."""
    line = command_line(process)
    if script := re.search(r"\.snakemake/scripts/[^.]*\.(\w+)\.py", line):
        return script[1]
    if jobs := re.search(r" -m snakemake .*?--target-jobs (\w+)", line):
        return f"the job's Snakemake, of {jobs[1]}"
    return line.removeprefix(f"{sys.executable} ")[:80] or "a process that ends"


def compared(name: str) -> bool:
    """Return whether a result is the same in each run of a study."""
    return any(fnmatch(name, pattern) for pattern in COMPARED)


def seed_of(name: str) -> int | None:
    """Return the seed of the training that a result is of."""
    found = re.search(r"/seed-(\d+)/", name)
    return int(found[1]) if found else None


def digest(content: bytes) -> str:
    """Return a SHA-256."""
    return hashlib.sha256(content).hexdigest()


def tell(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Mount a small disk at the folder's `disk`."""
    place = folder / "disk"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


class Campaign:
    """The studies, one after the other, and what was found."""

    def __init__(self, folder: Path, seed: int, cluster: Cluster, relay: Relay) -> None:
        self.folder, self.cluster, self.relay = folder, cluster, relay
        self.rng = random.Random(seed)
        self.faults: Counter[Kind] = Counter()
        self.studies = self.wrong = 0
        self.expected: dict[str, dict[str, str]] = {}  # an undisturbed study's results, by how Claude is asked
        self.requests: set[str] = set()  # and what it asked Claude
        write_tiny_model(folder / "tiny")

    def run_undisturbed(self) -> None:
        """Run a study on this machine without a fault; in the second mode only the rows differ, by their price."""
        for mode, targets in {"messages": (), "batches": ("--", f"results/curated/{DATASET}/train.jsonl")}.items():
            folder = self.folder / f"undisturbed-{mode}"
            with disk(folder), FakeClaude(Writer()) as server:
                study = Study(folder, server, mode)
                printed = study.run(*targets)
                if "Nothing to be done" not in study.run("--dry-run", *targets):
                    sys.exit(f"the undisturbed study failed: {printed[-3000:]}")
                self.expected[mode] = self.expected.get("messages", {}) | study.results()
                self.requests = set(server.paid)
        tell(f"undisturbed: {len(self.expected[mode])} files, {len(self.requests)} requests")

    def run_disturbed(self, most: int) -> None:
        """Run the next study with at most so many faults, and check what it has left."""
        self.studies += 1
        where, mode = ROUND[(self.studies - 1) % len(ROUND)]
        folder = self.folder / f"{self.studies}-{where}"
        with disk(folder), FakeClaude(Writer(), delay=0.7, batch_polls=3) as server:
            if where == "slurm":
                study = SlurmStudy(folder, server, mode, self.cluster)
            else:
                study = BucketStudy(folder, server, mode, self.relay)
            tell(f"study {self.studies}: {where}, {mode}")
            began = time.monotonic()
            kinds = self.rng.sample(KINDS[where], len(KINDS[where]))[:most]
            try:
                found = [*self.disturb(study, kinds), *self.check(study, mode)]
            finally:
                study.stop()
            spent = f"{time.monotonic() - began:.0f} s and {study.starts} starts"
            tell(f"study {self.studies} ended after {spent}: {found or 'as undisturbed'}")
            self.wrong += bool(found)

    def disturb(self, study: Study, kinds: list[Kind]) -> list[str]:
        """Run a study to its end, with a fault of each kind while it lasts; return what went wrong."""
        began = looked = time.monotonic()
        study.start()
        due = began + self.rng.uniform(*PAUSE)
        end: Callable[[], None] | None = None  # of the fault that lasts
        while (now := time.monotonic()) < began + LONGEST:
            if end and now >= due:
                end()
                end, due = None, now + self.rng.uniform(*PAUSE)
            elif kinds and not end and now >= due and (hit := getattr(study, f"hit_{kinds[0]}")(self.rng)):
                kind, (victim, end) = kinds.pop(0), hit
                self.faults[kind] += 1
                due = now + self.rng.uniform(*(OUTAGE if end else PAUSE))
                lasting = f", for {due - now:.1f} s" if end else ""
                tell(f"{self.faults.total()}: {now - began:.1f} s, {kind}: {victim}{lasting}")
            elif not end and study.process.poll() is not None:
                if study.process.returncode == 0:
                    return []
                if study.starts == STARTS:
                    return [f"failed {STARTS} times: {study.printed()}"]
                study.start()
            elif not end and now >= looked + 5:
                looked = now
                study.look_after()
            time.sleep(0.1)
        if end:
            end()
        study.stop()
        return [f"did not end: {study.printed()}"]

    def check(self, study: Study, mode: str) -> list[str]:
        """Return what is wrong of a study that has ended."""
        results = study.results()
        expected = {name: file for name, file in self.expected[mode].items() if seed_of(name) in (None, *study.seeds)}
        twice = {request: count for request, count in study.server.paid.items() if count > 1}
        found = {
            "other results": [name for name in {**results, **expected} if results.get(name) != expected.get(name)],
            "paid twice": twice,
            "other requests": set(study.server.paid) ^ self.requests,
            "processes left": study.orphans + study.left(),
            "cards shared": study.sharing(),
            "work left": [] if "Nothing to be done" in study.run("--dry-run") else ["a second run has something to do"],
        }
        return [f"{what}: {which}" for what, which in found.items() if which]


def main() -> None:
    """Run studies until there were so many faults; exit with 1 if one study is not as undisturbed."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--faults", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=0, help="of the kinds, moments and victims")
    options = arguments.parse_args()
    with ExitStack() as stack:
        # munged refuses a socket in a folder that only one user may enter, so not below the other.
        folder, slurm = (Path(tempfile.mkdtemp(prefix=f"finintent-{name}-")) for name in ("campaign", "slurm"))
        cluster = Cluster(slurm)
        stack.callback(cluster.stop)
        cluster.start()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which would print each request
        server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        stack.callback(server.stop)
        campaign = Campaign(folder, options.seed, cluster, Relay(server.get_host_and_port()[1]))
        campaign.run_undisturbed()
        while campaign.faults.total() < options.faults:
            campaign.run_disturbed(options.faults - campaign.faults.total())
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(campaign.faults.items()))
        good = campaign.studies - campaign.wrong
        tell(f"{campaign.faults.total()} faults ({kinds}); {good} of {campaign.studies} studies as undisturbed")
    if campaign.wrong:
        sys.exit(f"logs are in {folder} and {slurm}")
    shutil.rmtree(folder)
    shutil.rmtree(slurm)


if __name__ == "__main__":
    main()
