"""The cluster that all tests of this folder share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from slurm.cluster import Cluster, unavailable


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running Slurm of two nodes."""
    if reason := unavailable():
        pytest.skip(reason)
    # Not below pytest's own folder: munged refuses a socket in a folder that only one user may enter.
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="finintent-slurm-")))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
    shutil.rmtree(cluster.folder)
