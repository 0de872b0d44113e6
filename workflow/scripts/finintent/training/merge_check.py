"""The check that a merged model is base + adapter."""

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import safe_open

from finintent.errors import MergeError
from finintent.inference.loading import load_model

# The relative rounding error of one float32 number is 6e-8. A logit is a sum over some thousand products in every
# layer, and base + adapter adds them in another order than the merged weights. Errors of independent roundings grow
# with the square root of their number: 6e-8 x sqrt(1e4 products) x some tens of layers is near 1e-4 of the logits'
# scale. A wrong scale or a missing matrix changes logits by whole units.
FLOAT32_TOLERANCE = 1e-4
# bfloat16 keeps 8 bits, so a merged weight is rounded to 2^-8 = 4e-3 of itself. base + adapter, kept apart, are not.
BFLOAT16_TOLERANCE = 0.1


def changed_tensors(base: Path, merged: Path) -> list[str]:
    """Return the names of the tensors that differ between two folders of safetensors shards.

    Raises:
        MergeError: a tensor is in only one of them.
    """
    left, right = _tensor_files(base), _tensor_files(merged)
    if left.keys() != right.keys():
        odd = sorted(left.keys() ^ right.keys())[0]
        raise MergeError(f"{merged}: tensor {odd} is in only one of base and merged model")
    return [name for name in sorted(left) if not torch.equal(_tensor(left[name], name), _tensor(right[name], name))]


def _tensor_files(directory: Path) -> dict[str, Path]:
    files = {}
    for path in sorted(directory.glob("*.safetensors")):
        with safe_open(path, framework="pt") as shard:
            files |= dict.fromkeys(shard.keys(), path)
    return files


def _tensor(path: Path, name: str) -> torch.Tensor:
    with safe_open(path, framework="pt") as shard:
        return shard.get_tensor(name)


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
    stored = _tensor(_tensor_files(merged)[changed[0]], changed[0]).dtype
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
