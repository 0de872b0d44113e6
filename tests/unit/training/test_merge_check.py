"""Which tensors a merge changed."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from finintent.errors import MergeError
from finintent.training.merge_check import changed_tensors


def write(folder: Path, *shards: dict[str, float]) -> Path:
    folder.mkdir()
    for number, shard in enumerate(shards):
        save_file({name: torch.full((2,), value) for name, value in shard.items()}, folder / f"{number}.safetensors")
    return folder


def test_tensors_are_compared_by_name_whatever_their_shards(tmp_path: Path):
    base = write(tmp_path / "base", {"a": 1.0, "b": 2.0, "c": 3.0})
    merged = write(tmp_path / "merged", {"c": 4.0}, {"b": 2.0, "a": 0.0})
    assert changed_tensors(base, merged) == ["a", "c"]
    assert changed_tensors(base, base) == []


def test_a_tensor_of_one_model_alone_is_named(tmp_path: Path):
    base, merged = write(tmp_path / "base", {"a": 1.0, "b": 2.0}), write(tmp_path / "merged", {"a": 1.0})
    for left, right in ((base, merged), (merged, base)):
        with pytest.raises(MergeError, match="tensor b is in only one of base and merged model"):
            changed_tensors(left, right)
