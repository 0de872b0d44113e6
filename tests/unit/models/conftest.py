"""A golden checkpoint to spoil."""

import shutil

import pytest

from checkpoints import GOLDEN, KINDS


@pytest.fixture(params=KINDS)
def original(request, tmp_path):
    """The kind and a copy of a golden checkpoint, to spoil."""
    shutil.copytree(GOLDEN / request.param / "original", tmp_path / "original")
    return request.param, tmp_path / "original"
