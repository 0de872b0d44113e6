"""The tiny study on the cluster, while a node fails."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from safetensors.numpy import load_file

from slurm.cluster import Cluster, wait_for
from slurm.submitting import Submission, sharing
from tiny import DATASET, make_workspace, snakemake, tiny_config, write_tiny_model

RUN = f"tiny-a/{DATASET}/letter/24-rows/seed-1"
EPOCHS = 12  # time to fail between the first checkpoint and the last
TRAIN = "from finintent.training.run import run_llamafactory; exit(run_llamafactory('train', 'undisturbed.yaml'))"


def the_training(cluster: Cluster) -> tuple[str, int]:
    """Return the node and the number of the job that holds the group of a tuned model."""
    lines = [line.split() for line in cluster.queue("%N %i %k", "--states=running")]
    ((node, job),) = [(node, int(job)) for node, job, comment in lines if "tuned" in comment]
    return node, job


@pytest.fixture(scope="module")
def study(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The whole study, in which the node that trains fails; beside it, the same training undisturbed."""
    config = tiny_config({"tiny-a": Path("models/tiny-a")})
    config["training"]["num_train_epochs"] = EPOCHS
    config["scoring"] = {"few_shot": 0}
    workspace = make_workspace(tmp_path_factory.mktemp("failure") / "study", config)
    write_tiny_model(workspace / "models/tiny-a")
    submission = Submission(cluster, workspace)
    wait_for(
        lambda: (
            submission.process.poll() is not None
            or [*workspace.glob(f"results/checkpoints/{RUN}/*/checkpoint-*/trainer_state.json")]
        ),
        "a checkpoint",
    )
    failed, job = the_training(cluster)
    cluster.kill_node(failed)
    left = [path.name for path in workspace.glob(f"results/checkpoints/{RUN}/*/checkpoint-*")]
    settings = yaml.safe_load((workspace / f"results/sft/{RUN}/train.yaml").read_text())
    (workspace / "undisturbed.yaml").write_text(yaml.safe_dump(settings | {"output_dir": "undisturbed"}))
    subprocess.run(
        [sys.executable, "-c", TRAIN],
        cwd=workspace,
        env=cluster.environment | {"PYTHONPATH": "workflow/scripts"},
        check=True,
        capture_output=True,
    )
    assert submission.wait() == 0, submission.text
    cluster.start_node(failed)
    return SimpleNamespace(workspace=workspace, failed=failed, job=job, left=left, submission=submission)


def test_the_study_ends_and_a_second_run_has_nothing_to_do(study: SimpleNamespace):
    assert (study.workspace / f"results/comparison/{DATASET}/report.md").is_file()
    again = snakemake(study.workspace, "--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr


def test_the_job_was_requeued_and_ran_on_another_node(study: SimpleNamespace, cluster: Cluster):
    first, second = [job for job in cluster.ended() if job.job == study.job]
    assert (first.state, first.node) == ("NODE_FAIL", study.failed)
    assert second.state == "COMPLETED"
    assert second.node != study.failed
    assert first.end <= second.start


def test_training_resumed_from_its_checkpoint_with_the_same_result(study: SimpleNamespace):
    record = json.loads((study.workspace / f"results/sft/{RUN}/training.json").read_text())
    assert f"checkpoint-{record['resumed_step']}" in study.left
    assert 0 < record["resumed_step"] < record["steps"]
    undisturbed = load_file(study.workspace / "undisturbed/adapter_model.safetensors")
    resumed = load_file(study.workspace / f"results/sft/{RUN}/adapter/adapter_model.safetensors")
    assert undisturbed.keys() == resumed.keys()
    assert all((undisturbed[name] == resumed[name]).all() for name in resumed)


def test_no_two_jobs_shared_a_card(study: SimpleNamespace, cluster: Cluster):
    jobs = [job for job in cluster.ended() if job.name == study.submission.run_id]
    assert sum(job.gpu for job in jobs) == 3  # the base's answers, and the tuned model's jobs twice
    assert not sharing(jobs)
