"""Snakemake is killed, slurmctld is away, and a job is cancelled. Trainings and their plans are stand-ins."""

import json
import re
import signal
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from slurm.cluster import Cluster, Ended, wait_for
from slurm.submitting import Submission, sharing
from tiny import DATASET, ROOT, make_workspace, planned, snakemake, tiny_config, write_tiny_model

SEEDS = [11, 12, 13]
TARGETS = {seed: f"results/sft/tiny-a/{DATASET}/letter/24-rows/seed-{seed}/training.json" for seed in SEEDS}
# It names the folder of a training's checkpoints, and imports nothing that takes seconds.
PLAN = """
import yaml
from pathlib import Path
folder = f"results/checkpoints/seed-{snakemake.wildcards.seed}/run"
for path in snakemake.output:
    Path(path).write_text(yaml.safe_dump({"output_dir": folder, "seed": int(snakemake.wildcards.seed)}))
"""


class Trainings:
    """The trainings of a workspace: where they ran, by the stand-in's own notes and slurmctld's records."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.workspace, self.notes = cluster, folder / "study", folder / "notes"
        self.notes.mkdir()
        make_workspace(self.workspace, tiny_config({"tiny-a": Path("models/tiny-a")}))
        write_tiny_model(self.workspace / "models/tiny-a")
        (self.workspace / "workflow/scripts/render_configs.py").write_text(PLAN)
        # What is before the trainings is no part of these tests.
        snakemake(self.workspace, TARGETS[11], "--until", "prepare_model", "format_alpaca", "describe_alpaca")

    def submit(self, *seeds: int, held: int | None = None) -> Submission:
        """Start Snakemake for some seeds; the training of the held one never ends."""
        stand_in = {
            "PATH": f"{ROOT / 'tests/bin'}:{self.cluster.environment['PATH']}",
            "STAND_IN_RECORDS": str(self.notes),
            "STAND_IN_HELD": f"/seed-{held}/",
        }
        targets = [TARGETS[seed] for seed in seeds]
        return Submission(self.cluster, self.workspace, *targets, niceness=15, **stand_in)

    def jobs(self) -> dict[int, int]:
        """Return the seed of each of Slurm's jobs whose training has begun."""
        notes = [json.loads(text) for path in self.notes.glob("*.started") if (text := path.read_text())]
        return {int(note["job"]): int(re.search(r"seed-(\d+)", note["output"])[1]) for note in notes}

    def running(self, seed: int) -> int | None:
        """Return the job that trains with a seed now."""
        running = {int(line) for line in self.cluster.queue("%i", "--states=running")}
        return next((job for job, trained in self.jobs().items() if trained == seed and job in running), None)

    def ended(self, *runs: Submission) -> list[Ended]:
        names = {run.run_id for run in runs}
        return [job for job in self.cluster.ended() if job.name in names]


@pytest.fixture(scope="module")
def trainings(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings(cluster, tmp_path_factory.mktemp("interruptions"))


@pytest.fixture(scope="module")
def killed(trainings: Trainings) -> SimpleNamespace:
    """Snakemake is killed while one of two trainings has ended and the other runs; then what docs/cluster.md says."""
    submission = trainings.submit(11, 12, held=12)
    wait_for(lambda: trainings.running(12) and re.search(r"^Finished", submission.text, re.MULTILINE), "one training")
    submission.kill()
    left = trainings.running(12)
    refused = snakemake(trainings.workspace, TARGETS[12], "--until", "render_configs", check=False)
    trainings.cluster.cancel("--name", submission.run_id)
    wait_for(lambda: not trainings.cluster.queue("%i"), "the cancelled jobs")
    snakemake(trainings.workspace, "--unlock", TARGETS[12])
    return SimpleNamespace(submission=submission, left=left, refused=refused)


@pytest.fixture(scope="module")
def cancelled(trainings: Trainings, killed: SimpleNamespace) -> SimpleNamespace:
    """All three are asked for; slurmctld is away for some seconds, and then one is cancelled while it runs."""
    submission = trainings.submit(*SEEDS, held=13)
    job = wait_for(lambda: trainings.running(13), "the training with seed 13")
    wait_for(lambda: [*trainings.jobs().values()].count(12) == 2, "the training with seed 12")
    trainings.cluster.kill_controller(signal.SIGTERM)
    wait_for(lambda: "Slurm does not answer" in submission.text, "a question without an answer")
    trainings.cluster.start_controller()
    trainings.cluster.cancel(str(job))
    status = submission.wait()
    missing = planned(trainings.workspace, *TARGETS.values())
    return SimpleNamespace(submission=submission, job=job, status=status, missing=missing)


@pytest.fixture(scope="module")
def finished(trainings: Trainings, cancelled: SimpleNamespace) -> Submission:
    """The run that does what is missing."""
    submission = trainings.submit(*SEEDS)
    assert submission.wait() == 0, submission.text
    return submission


def test_jobs_outlive_a_killed_snakemake_and_a_second_one_is_refused(killed: SimpleNamespace):
    assert killed.left
    assert killed.refused.returncode != 0
    assert "cannot be locked" in killed.refused.stdout + killed.refused.stderr


def test_after_a_killed_snakemake_nothing_runs_twice(
    trainings: Trainings, killed: SimpleNamespace, cancelled: SimpleNamespace
):
    ended = trainings.ended(killed.submission, cancelled.submission)
    seeds = trainings.jobs()
    done = Counter(seeds[job.job] for job in ended if job.state == "COMPLETED")
    assert done == {11: 1, 12: 1}
    first, second = [job for job in ended if seeds.get(job.job) == 12]
    assert (first.state, second.state) == ("CANCELLED", "COMPLETED")
    assert first.end <= second.start


def test_slurm_is_asked_until_it_answers(trainings: Trainings, cancelled: SimpleNamespace):
    later = cancelled.submission.text.partition("Slurm does not answer")[2]
    assert "Error in group tuned" in later


def test_all_but_a_cancelled_job_go_on(trainings: Trainings, cancelled: SimpleNamespace):
    assert cancelled.status == 1
    states = {trainings.jobs()[job.job]: job.state for job in trainings.ended(cancelled.submission)}
    assert states == {12: "COMPLETED", 13: "CANCELLED"}
    assert "Error in group tuned" in cancelled.submission.text


def test_the_next_run_does_only_what_is_missing(trainings: Trainings, cancelled: SimpleNamespace, finished: Submission):
    assert cancelled.missing["train_lora"] == 1
    (job,) = trainings.ended(finished)
    assert (trainings.jobs()[job.job], job.state) == (13, "COMPLETED")
    assert "Nothing to be done" in "".join(snakemake(trainings.workspace, "--dry-run", *TARGETS.values()).stdout)


def test_no_two_jobs_shared_a_card(
    trainings: Trainings, killed: SimpleNamespace, cancelled: SimpleNamespace, finished: Submission
):
    jobs = trainings.ended(killed.submission, cancelled.submission, finished)
    assert len(jobs) == 5
    assert all(job.gpu for job in jobs)
    assert {job.node for job in jobs} == {"gpu1", "gpu2"}
    assert not sharing(jobs)
