"""The tiny study with every result in a bucket, on a local S3 server."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiny import ROOT, make_workspace, snakemake, tiny_config, write_tiny_model

pytest.importorskip("snakemake_storage_plugin_s3", reason="needs `make cluster`: snakemake-storage-plugin-s3")
moto_server = pytest.importorskip("moto.server", reason="needs `make cluster`: moto[server]")

BUCKET = "studies"
CREDENTIALS = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "key", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "secret"}


@pytest.fixture(scope="module")
def options() -> Iterator[list[str]]:
    """Snakemake's options for a bucket on a server of this process."""
    server = moto_server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield [
        "--profile", "profiles/s3",
        "--storage-s3-endpoint-url", f"http://{host}:{port}",
        "--default-storage-prefix", f"s3://{BUCKET}/tiny",
    ]  # fmt: skip
    server.stop()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, options: list[str]) -> Path:
    """A workspace whose study has run, with its results in the bucket."""
    config = tiny_config({"tiny": Path("models/tiny")})
    workspace = make_workspace(tmp_path_factory.mktemp("s3") / "study", config)
    write_tiny_model(workspace / "models/tiny")
    snakemake(workspace, *options, **CREDENTIALS)
    return workspace


def plan(workspace: Path, options: list[str]) -> str:
    return snakemake(workspace, *options, "--dry-run", "--quiet", "rules", **CREDENTIALS).stdout


def test_another_empty_folder_has_nothing_to_do_and_can_make_the_report(
    study: Path, options: list[str], tmp_path: Path
):
    assert not list((study / "results").rglob("*.json"))
    other = tmp_path / "other"
    shutil.copytree(study, other, ignore=shutil.ignore_patterns("results", ".snakemake"))
    assert "Nothing to be done" in plan(other, options)
    snakemake(other, *options, "--report", "report.html", **CREDENTIALS)
    page = (other / "report.html").read_text()
    assert "similarity" in page


def test_a_clone_needs_the_metadata_of_the_first_folder(study: Path, options: list[str], tmp_path: Path):
    clone = tmp_path / "clone"
    shutil.copytree(study, clone, ignore=shutil.ignore_patterns("results", ".snakemake"), copy_function=shutil.copyfile)
    assert "train_lora" in plan(clone, options)  # its files are newer than the results
    shutil.copytree(study / ".snakemake/metadata", clone / ".snakemake/metadata", dirs_exist_ok=True)
    assert "Nothing to be done" in plan(clone, options)
    instruction = clone / "tests/datasets/support_topics/prompts/instruction.yaml"
    instruction.write_text(instruction.read_text().replace("Answer", "Reply"))
    assert "train_lora" in plan(clone, options)


def test_jobs_that_share_the_bucket_alone_train_and_merge(options: list[str], tmp_path: Path):
    workspace = make_workspace(tmp_path / "study", tiny_config({"tiny": Path("models/tiny")}))
    write_tiny_model(workspace / "models/tiny")
    shutil.copy(ROOT / ".gitignore", workspace)
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=workspace, check=True)
    pods = tmp_path / "pods"
    pods.mkdir()
    check = "results/merged/tiny/support_topics/letter/24-rows/seed-1/merge_check.json"
    groups = [f"{rule}=tuned" for rule in ("render_configs", "train_lora", "merge_lora", "check_merge")]
    elsewhere = [f"s3://{BUCKET}/pods" if option == f"s3://{BUCKET}/tiny" else option for option in options]
    plugins = f"{ROOT}/tests/storage/plugins:{os.environ.get('PYTHONPATH', '')}"
    arguments = ["--executor", "pods", "--jobs", "2", "--groups", *groups, "--", check]
    ended = snakemake(workspace, *elsewhere, *arguments, check=False, PODS=str(pods), PYTHONPATH=plugins, **CREDENTIALS)
    logs = "".join(path.read_text() for path in sorted(pods.glob("*.log")))
    assert ended.returncode == 0, ended.stderr + logs[-5000:]
    assert len(list(pods.glob("tuned*.log"))) == 1
    assert not list(pods.glob("*model*"))  # where the downloads are
    [pod] = [path for path in pods.glob("tuned*") if path.is_dir()]
    assert not list(pod.glob("results/checkpoints/*/*/*/*/*/*"))
    again = snakemake(workspace, *elsewhere, "--dry-run", "--quiet", "rules", "--", check, **CREDENTIALS)
    assert "Nothing to be done" in again.stdout
