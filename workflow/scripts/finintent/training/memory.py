"""Estimates of the GPU memory that LoRA training needs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:  # transformers takes seconds to import
    from transformers import PretrainedConfig

GIB = 2**30
# USABLE: GiB that PyTorch can allocate for each GB of a card's nominal memory (an A10G's 24 GB are 22 GiB, of which
# CUDA needs a part). CUDA: GiB that CUDA needs of this machine's card.
USABLE, CUDA = 21.4 / 24, 0.6
BF16, FP32 = 2, 4  # bytes
QUANTISATION = 1.03  # factor for bitsandbytes' constants in addition to the bits
TRAINED_WEIGHT_BYTES = 4 * FP32  # an adapter's weight, its gradient and AdamW's two moments
# Bytes that a token keeps in one layer for the backward pass, for each unit of the layer's widths: of the attention and
# of the gated MLP, without and with Liger's kernels, which compute norms and the MLP's activation again. Fitted to the
# peaks in tests/unit/training/test_memory.py.
HIDDEN_BYTES = {False: 22, True: 18}
MLP_BYTES = {False: 8, True: 6.5}
# Bytes of one token and entry of the vocabulary: logits in bfloat16 and float32 with their gradients. Liger keeps none.
LOGIT_BYTES = {False: 14, True: 0}
VALIDATION_LOGIT_BYTES = 10  # without gradients, and without Liger's kernels
# The architectures that Liger has kernels for.
FUSED_TYPES = {"gemma2", "gemma3_text", "glm", "llama", "mistral", "phi3", "qwen2", "qwen3"}


@dataclass(frozen=True)
class Shape:
    """The properties of a model that decide its memory.

    Attributes:
        weights: number of weights.
        linear_weights: number of those that can be quantised: all but embedding, head and norms.
        adapter_weights: number of weights of the adapters.
        layers: number of layers.
        hidden: width of the hidden states.
        mlp: width of the MLP.
        vocabulary: number of tokens.
        weight_bytes: bytes of a frozen weight.
        cast: whether frozen weights are not in bfloat16, so that each forward pass casts a copy of them.
    """

    weights: int
    linear_weights: int
    adapter_weights: int
    layers: int
    hidden: int
    mlp: int
    vocabulary: int
    weight_bytes: int = BF16
    cast: bool = False


def model_shape(config: "PretrainedConfig", rank: int) -> Shape:
    """Return the shape of a causal language model with adapters of a rank on all its linear layers but the head."""
    from transformers import AutoModelForCausalLM

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
    """How the rows of an optimizer step are computed.

    Attributes:
        micro_batch: rows at once.
        accumulation: number of micro-batches in a step.
        checkpointing: whether activations are computed again in the backward pass instead of being kept.
        fused: whether Liger's kernels are used.
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
    """Return the estimated bytes that PyTorch holds for any batch: weights, adapters and their optimizer's state.

    Args:
        shape: of the model.
        bits: of a quantised weight, without the quantisation's own constants; None where none is quantised.
    """
    weights = shape.weights * shape.weight_bytes
    if bits:
        weights = (shape.weights - shape.linear_weights) * BF16 + shape.linear_weights * bits / 8 * QUANTISATION
    return weights + shape.adapter_weights * TRAINED_WEIGHT_BYTES


def training_bytes(shape: Shape, batching: Batching, tokens: int, bits: int | None = None) -> float:
    """Return the estimated peak, in bytes, of what PyTorch allocates for training on rows of `tokens` tokens.

    `bits` is that of `held_bytes`.
    """
    fused = batching.fused
    layer = HIDDEN_BYTES[fused] * shape.hidden + MLP_BYTES[fused] * shape.mlp
    kept = layer + shape.layers * BF16 * shape.hidden if batching.checkpointing else shape.layers * layer
    # The backward pass keeps the cast copies, unless they are computed again.
    copies = shape.weights * BF16 if shape.cast and not batching.checkpointing and not bits else 0
    read = batching.micro_batch * tokens * (kept + LOGIT_BYTES[fused] * shape.vocabulary)
    return held_bytes(shape, bits) + copies + read


def validation_bytes(shape: Shape, rows: int, tokens: int, bits: int | None = None) -> float:
    """Return the estimated peak, in bytes, of validating `rows` rows of `tokens` tokens at once during training."""
    return held_bytes(shape, bits) + rows * tokens * VALIDATION_LOGIT_BYTES * shape.vocabulary


def available_bytes(memory_gb: float | None) -> float:
    """Return the bytes that PyTorch can allocate on a card of `memory_gb` GB, or on this machine's card if None."""
    if memory_gb is None:
        return torch.cuda.get_device_properties(0).total_memory - CUDA * GIB
    return memory_gb * USABLE * GIB
