"""The check that a merged model is base + adapter."""

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import safe_open

from finintent.errors import MergeError
from finintent.inference.loading import load_model
from finintent.models.weights import Stored, loading, stored_tensors

# The relative rounding error of one float32 number is 6e-8. A logit is a sum over some thousand products in every
# layer, and base + adapter adds them in another order than the merged weights. Errors of independent roundings grow
# with the square root of their number: 6e-8 x sqrt(1e4 products) x some tens of layers is near 1e-4 of the logits'
# scale. A wrong scale or a missing matrix changes logits by whole units.
FLOAT32_TOLERANCE = 1e-4
# bfloat16 keeps 8 bits, so a merged weight is rounded to 2^-8 = 4e-3 of itself. base + adapter, kept apart, are not.
BFLOAT16_TOLERANCE = 0.1


def changed_tensors(base: Path, merged: Path) -> list[Stored]:
    """Return the merged model's tensors that differ from the base's.

    Only tensors that the model's class loads are compared: a base may hold others, which no merge keeps.

    Raises:
        MergeError: the merged model lacks a tensor.
    """
    left, right = _loaded(base), _loaded(merged)
    if missing := sorted(left.keys() - right.keys()):
        raise MergeError(f"{merged}: no tensor {missing[0]}, which the base has; the export was not finished")
    return [right[key] for key in sorted(left) if _differ(_tensor(left[key]), _tensor(right[key]))]


def _loaded(folder: Path) -> dict[str, Stored]:
    """Return the stored tensors that a model's class loads, by its names."""
    stored = stored_tensors(folder)
    found = loading(folder, stored)
    if found.missing:
        raise MergeError(f"{folder}: no tensor {found.missing[0]}, which {found.class_name} needs")
    left_out = {*found.unexpected, *(twin for twin, _ in found.tied)}
    return {key: stored[name] for key, name in found.names.items() if name not in left_out}


def _differ(left: torch.Tensor, right: torch.Tensor) -> bool:
    return not torch.equal(left.to(right.dtype), right)


def _tensor(stored: Stored) -> torch.Tensor:
    with safe_open(stored.path, framework="pt") as shard:
        return shard.get_tensor(stored.name)


@torch.inference_mode()
def _last_logits(model: torch.nn.Module, prompts: list[list[int]]) -> torch.Tensor:
    device = next(model.parameters()).device
    return torch.stack([model(torch.tensor([prompt], device=device)).logits[0, -1].float().cpu() for prompt in prompts])


def check_merge(base: Path, adapter: Path, merged: Path, prompts: list[list[int]]) -> dict[str, Any]:
    """Compare a merged model with its base and with base + adapter on probe prompts.

    Args:
        base: folder of the base model.
        adapter: folder of the adapter.
        merged: folder of the merged model.
        prompts: token ids of each prompt.

    Returns:
        The number of changed tensors, and the largest differences of next-token logits, relative to the largest logit.

    Raises:
        MergeError: no tensor changed, or the logits differ from those of base + adapter by more than the tolerance of
            the stored precision, or by more than half of the adapter's own effect.
    """
    changed = changed_tensors(base, merged)
    if not changed:
        raise MergeError(f"{merged}: every tensor equals the base's; the export wrote the base model, not the merge")
    stored = _tensor(changed[0]).dtype
    half = stored != torch.float32
    tolerance = BFLOAT16_TOLERANCE if half else FLOAT32_TOLERANCE
    model = load_model(str(merged), bf16=half)
    merged_logits = _last_logits(model, prompts)
    del model  # two models of seven billion parameters do not fit into memory together
    model = load_model(str(base), bf16=half)
    base_logits = _last_logits(model, prompts)
    adapted_logits = _last_logits(PeftModel.from_pretrained(model, adapter).eval(), prompts)
    scale = adapted_logits.abs().max()
    difference = float((merged_logits - adapted_logits).abs().max() / scale)
    effect = float((base_logits - adapted_logits).abs().max() / scale)
    record = {
        "changed_tensors": len(changed),
        "probe_prompts": len(prompts),
        "stored_dtype": str(stored).removeprefix("torch."),
        "tolerance": tolerance,
        "merged_minus_adapted": difference,
        "base_minus_adapted": effect,
    }
    if not difference <= min(tolerance, effect / 2):
        raise MergeError(
            f"{merged}: next-token logits differ from base + adapter by {difference:.2g} of the largest; tolerated are "
            f"{tolerance:g} and half of the adapter's own effect of {effect:.2g}; delete the merged model and run again"
        )
    return record
