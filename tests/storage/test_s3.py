"""The tiny study with every result in a bucket, on a local S3 server."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiny import make_workspace, snakemake, tiny_config, write_tiny_model

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


def test_another_empty_folder_has_nothing_to_do_and_can_make_the_report(
    study: Path, options: list[str], tmp_path: Path
):
    other = tmp_path / "other"
    shutil.copytree(study, other, ignore=shutil.ignore_patterns("results", ".snakemake"))
    assert "Nothing to be done" in snakemake(other, *options, "--dry-run", **CREDENTIALS).stdout
    snakemake(other, *options, "--report", "report.html", **CREDENTIALS)
    assert "similarity" in (other / "report.html").read_text()
