"""How much of a GPU's memory LoRA training takes, and the fastest way to form its batches that fits."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig

GIB = 2**30
# GiB that PyTorch can allocate of each GB on a card's label (an A10G's 24 are 22 GiB, and CUDA takes some of them), and
# that CUDA takes of a card that is there.
USABLE, CUDA = 21.4 / 24, 0.6
BF16, FP32 = 2, 4  # bytes
QUANTISATION = 1.03  # bitsandbytes' constants on top of the bits
TRAINED_WEIGHT_BYTES = 4 * FP32  # an adapter's weight, its gradient and AdamW's two moments
# Bytes that a token leaves in one layer for the backward pass, for each unit of the layer's widths, without and with
# Liger's kernels, which compute norms and the MLP's activation again. They hold the attention's parts and the gated
# MLP's; fitted to the peaks in tests/unit/test_memory.py.
HIDDEN_BYTES = {False: 22, True: 18}
MLP_BYTES = {False: 8, True: 6.5}
# Of one token and entry of the vocabulary: logits in bfloat16 and float32 with their gradients. Liger keeps none.
LOGIT_BYTES = {False: 14, True: 0}
VALIDATION_LOGIT_BYTES = 10  # without gradients, and by no kernel of Liger's
FUSED_TYPES = {"gemma2", "gemma3_text", "llama", "mistral", "phi3", "qwen2", "qwen3"}  # that Liger has kernels for


@dataclass(frozen=True)
class Shape:
    """What of a model decides its memory: numbers of weights, and widths.

    `weight_bytes`: of a frozen weight; `cast`: it is not in bfloat16, and each forward pass casts a copy of it.
    """

    weights: int
    linear_weights: int  # which quantisation is for: all but embedding, head and norms
    adapter_weights: int
    layers: int
    hidden: int
    mlp: int
    vocabulary: int
    weight_bytes: int = BF16
    cast: bool = False


def model_shape(config: PretrainedConfig, rank: int) -> Shape:
    """Return the shape of a causal language model with adapters of that rank on all its linear layers but the head."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    linear = [part for part in model.base_model.modules() if isinstance(part, torch.nn.Linear)]
    text = config.get_text_config()
    return Shape(
        weights=model.num_parameters(),
        linear_weights=sum(part.weight.numel() for part in linear),
        adapter_weights=sum(rank * (part.in_features + part.out_features) for part in linear),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        mlp=getattr(text, "intermediate_size", 4 * text.hidden_size),  # older architectures have no other width
        vocabulary=text.vocab_size,
        weight_bytes=FP32 if config.dtype == torch.float32 else BF16,
        cast=config.dtype not in (None, torch.bfloat16),
    )


@dataclass(frozen=True)
class Batching:
    """How the rows of an optimizer step are computed: `micro_batch` at once, `accumulation` times.

    `checkpointing`: activations are computed again in the backward pass instead of being kept; `fused`: by Liger's
    kernels.
    """

    micro_batch: int
    accumulation: int
    checkpointing: bool
    fused: bool

    def arguments(self) -> dict[str, Any]:
        """Return LlamaFactory's arguments."""
        return {
            "per_device_train_batch_size": self.micro_batch,
            "gradient_accumulation_steps": self.accumulation,
            "disable_gradient_checkpointing": not self.checkpointing,
            "enable_liger_kernel": self.fused,
        }


def held_bytes(shape: Shape, bits: int | None = None) -> float:
    """Return the estimated bytes that PyTorch holds whatever is read: weights, adapters and their optimizer's state.

    `bits`: of a quantised weight, without the quantisation's own constants; None where none is quantised.
    """
    weights = shape.weights * shape.weight_bytes
    if bits:
        weights = (shape.weights - shape.linear_weights) * BF16 + shape.linear_weights * bits / 8 * QUANTISATION
    return weights + shape.adapter_weights * TRAINED_WEIGHT_BYTES


def training_bytes(shape: Shape, batching: Batching, tokens: int, bits: int | None = None) -> float:
    """Return the estimated peak, in bytes, of what PyTorch allocates for training on rows of `tokens` tokens.

    `bits` as of `held_bytes`.
    """
    fused = batching.fused
    layer = HIDDEN_BYTES[fused] * shape.hidden + MLP_BYTES[fused] * shape.mlp
    kept = layer + shape.layers * BF16 * shape.hidden if batching.checkpointing else shape.layers * layer
    # The backward pass keeps the copies that are not computed again.
    copies = shape.weights * BF16 if shape.cast and not batching.checkpointing and not bits else 0
    read = batching.micro_batch * tokens * (kept + LOGIT_BYTES[fused] * shape.vocabulary)
    return held_bytes(shape, bits) + copies + read


def validation_bytes(shape: Shape, rows: int, tokens: int, bits: int | None = None) -> float:
    """Return the estimated peak, in bytes, of validating so many rows of `tokens` tokens at once during training."""
    return held_bytes(shape, bits) + rows * tokens * VALIDATION_LOGIT_BYTES * shape.vocabulary


def available_bytes(memory_gb: float | None) -> float:
    """Return what PyTorch can allocate, on a card of so many GB or, with None, on the one of this machine."""
    if memory_gb is None:
        return torch.cuda.get_device_properties(0).total_memory - CUDA * GIB
    return memory_gb * USABLE * GIB
