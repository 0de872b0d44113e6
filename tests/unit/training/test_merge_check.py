"""Which tensors a merge changed."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from finintent.errors import MergeError
from finintent.training.merge_check import changed_tensors
from tiny import write_tiny_model

CHANGED = "model.layers.0.mlp.up_proj.weight"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "base")


def merge(base: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    """Copy a model, and return the copy's folder and tensors, of which one differs."""
    merged = shutil.copytree(base, base.parent / "merged")
    tensors = load_file(merged / "model.safetensors")
    tensors[CHANGED] += 1
    return merged, tensors


def write(folder: Path, tensors: dict[str, torch.Tensor], name: str = "model.safetensors") -> None:
    save_file(tensors, folder / name, metadata={"format": "pt"})


def test_tensors_that_differ_are_named(base: Path):
    merged, tensors = merge(base)
    write(merged, tensors)
    assert [tensor.name for tensor in changed_tensors(base, merged)] == [CHANGED]
    assert changed_tensors(base, base) == []


def test_what_the_class_does_not_load_is_not_compared(base: Path):
    merged, tensors = merge(base)
    write(merged, tensors)
    beside = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8), "odd": torch.ones(1)}
    write(base, load_file(base / "model.safetensors") | beside)
    write(base, {"layers.0.attention.wq.weight": torch.ones(2)}, "consolidated.safetensors")
    write(base, {"lora_A.weight": torch.ones(2)}, "adapter_model.safetensors")
    assert [tensor.name for tensor in changed_tensors(base, merged)] == [CHANGED]


def test_a_tied_head_that_is_stored_all_the_same_is_no_difference(tmp_path: Path):
    base = write_tiny_model(tmp_path / "base", tied=True)
    merged, tensors = merge(base)
    write(merged, tensors)
    write(
        base, load_file(base / "model.safetensors") | {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()}
    )
    assert [tensor.name for tensor in changed_tensors(base, merged)] == [CHANGED]


def test_another_precision_alone_is_no_change(base: Path):
    merged, tensors = merge(base)
    write(merged, {name: tensor.bfloat16() for name, tensor in tensors.items()})
    assert [tensor.name for tensor in changed_tensors(base, merged)] == [CHANGED]


def test_a_tensor_that_the_merged_model_lacks_is_named(base: Path):
    merged, tensors = merge(base)
    write(merged, {name: tensor for name, tensor in tensors.items() if name != "model.norm.weight"})
    with pytest.raises(MergeError, match=r"merged: no tensor model.norm.weight, which LlamaForCausalLM needs"):
        changed_tensors(base, merged)
