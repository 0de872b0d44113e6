"""Layers that read fast on a CPU: weights in the layout of its kernels (oneDNN), and few passes over the tensors.

PyTorch's linear layer takes a matrix as it is stored: its float32 product reaches 85 % of oneDNN's, which reorders the
weights once. oneDNN also applies a gated block's activation and product while it writes the results, which saves four
passes over the widest tensors. What a layer computes stays the same but for rounding.
"""

import math
from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.weak import WeakTensorKeyDictionary
from transformers import Cache, PreTrainedModel

# oneDNN's names of the activations (as `attr` and `algorithm`) by the configurations' names.
ACTIVATIONS = {
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "gelu": ("gelu", "none"),
    "silu": ("swish", ""),
    "swish": ("swish", ""),
}
ROTATED_IN_HALVES = {"gemma3_text", "llama", "qwen2"}  # the architectures whose attention `_Attention` computes
NORMS = {"Gemma3RMSNorm", "GlmRMSNorm", "LlamaRMSNorm", "Qwen2RMSNorm"}
ROWS = 1024  # tokens that the layout is chosen for: about those of a batch


def pack_weights(model: PreTrainedModel) -> PreTrainedModel:
    """Pack the layers of a model, which can then be neither trained nor saved; return the model.

    The output layer then gives float32 logits, whatever the precision of its weights. Embeddings stay, and so do layers
    of a kind that is not known here. On a GPU, or where PyTorch has no oneDNN, nothing changes.
    """
    if model.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return model
    config = model.config.get_text_config()
    activation = ACTIVATIONS.get(getattr(config, "hidden_activation", None) or getattr(config, "hidden_act", None))
    masks = _Masks()
    for layer in getattr(model.get_decoder(), "layers", []):
        if config.model_type in ROTATED_IN_HALVES:
            layer.self_attn = _Attention(layer.self_attn, masks)
        block = getattr(layer, "mlp", None)
        if activation and all(hasattr(block, name) for name in ("gate_proj", "up_proj", "down_proj")):
            layer.mlp = _GatedBlock(block, *activation)
        for module in list(layer.modules()):
            for name, child in list(module.named_children()):
                if type(child) is nn.Linear:
                    setattr(module, name, _Linear(child))
                elif type(child).__name__ in NORMS:
                    setattr(module, name, _Norm(child))
    if type(model.get_output_embeddings()) is nn.Linear:
        model.set_output_embeddings(_OutputLayer(model.get_output_embeddings()))
    return model


class _Linear(nn.Module):
    """A linear layer with packed weights. The original's are freed with it."""

    def __init__(self, layer: nn.Linear, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        dtype = dtype or layer.weight.dtype
        self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach().to(dtype), ROWS)
        self._bias = None if layer.bias is None else layer.bias.detach().to(dtype)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the product, plus the bias."""
        return self.then(states, "none", "")

    def then(self, states: torch.Tensor, activation: str, algorithm: str) -> torch.Tensor:
        """Return the activation of the product."""
        return torch.ops.mkldnn._linear_pointwise(states, self._weight, self._bias, activation, [], algorithm)

    def times(self, states: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        """Return the product, multiplied by a tensor of its shape."""
        return torch.ops.mkldnn._linear_pointwise.binary(states, factor, self._weight, self._bias, "mul")


class _OutputLayer(_Linear):
    """An output layer that gives float32 logits, as `float32_logits` explains."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer, torch.float32)
        self._tokens = layer.out_features

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the logits, none for no states."""
        if not states.numel():  # oneDNN takes no empty tensor
            return states.new_zeros((*states.shape[:-1], self._tokens), dtype=torch.float32)
        return super().forward(states.float())


class _GatedBlock(nn.Module):
    """down(activation(gate(x)) * up(x)) in three kernels."""

    def __init__(self, block: nn.Module, activation: str, algorithm: str) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = map(_Linear, (block.gate_proj, block.up_proj, block.down_proj))
        self._activation, self._algorithm = activation, algorithm

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return what the block adds to the residual stream."""
        gate = self.gate_proj.then(states, self._activation, self._algorithm)
        return self.down_proj(self.up_proj.times(states, gate))


def norm_parts(norm: nn.Module) -> tuple[torch.Tensor, float]:
    """Return the weights of a root-mean-square norm, in float32, and its epsilon."""
    gemma = hasattr(norm, "eps")  # its weights are stored as the difference from one
    return norm.weight.detach().float() + (1 if gemma else 0), norm.eps if gemma else norm.variance_epsilon


class _Norm(nn.Module):
    """A root-mean-square norm, computed in float32."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self._weight, self._epsilon = norm_parts(norm)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return normed states in the precision in which they come."""
        return self.in_float32(states).to(states.dtype)

    def in_float32(self, states: torch.Tensor) -> torch.Tensor:
        """Return normed states in float32."""
        exact = states.float()
        squares = torch.linalg.vector_norm(exact, dim=-1, keepdim=True).square_()
        scale = squares.div_(states.shape[-1]).add_(self._epsilon).rsqrt_()
        scaled = exact * scale if exact is states else exact.mul_(scale)  # a copy may be overwritten
        return scaled.mul_(self._weight)


class _Masks:
    """The masks of a pass as attention adds them to its scores, made once for all layers."""

    def __init__(self) -> None:
        self._made = WeakTensorKeyDictionary()

    def of(self, mask: torch.Tensor, groups: int, dtype: torch.dtype) -> torch.Tensor:
        """Return a mask whose row is repeated for each of the queries that share keys.

        `mask`: what a token sees, or what is added to its scores; shape (rows, 1, columns, columns seen).
        """
        if mask not in self._made:
            added = mask
            if mask.dtype == torch.bool:
                added = torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, -math.inf)
            self._made[mask] = added.repeat_interleave(groups, dim=2)
        return self._made[mask]


class _Attention(nn.Module):
    """Attention with rotary positions in halves, and norms of queries and keys where the model has them.

    Norms and rotation are computed in float32. The queries that share keys stand in rows of one head, so that
    no key is repeated.
    """

    def __init__(self, attention: nn.Module, masks: _Masks) -> None:
        super().__init__()
        self._masks = masks
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, _Linear(getattr(attention, name)))
        self.q_norm, self.k_norm = (
            _Norm(getattr(attention, name)) if hasattr(attention, name) else None for name in ("q_norm", "k_norm")
        )
        self._width, self._scaling, self._index = attention.head_dim, attention.scaling, attention.layer_idx

    def forward(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        attention_mask: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        **_: Any,
    ) -> tuple[torch.Tensor, None]:
        """Return what attention adds to the residual stream, shape (rows, columns, width), and no weights."""
        rows, columns, _ = hidden_states.shape
        projected = (part(hidden_states) for part in (self.q_proj, self.k_proj, self.v_proj))
        queries, keys, values = (part.view(rows, columns, -1, self._width) for part in projected)
        cosine, sine = (part[:, :, None].float() for part in position_embeddings)
        queries, keys = (
            _rotated(norm.in_float32(states) if norm else states.float(), cosine, sine).to(values.dtype)
            for states, norm in ((queries, self.q_norm), (keys, self.k_norm))
        )
        groups = queries.shape[2] // keys.shape[2]
        keys, values = keys.transpose(1, 2), values.transpose(1, 2)
        if past_key_values is not None:
            keys, values = past_key_values.update(keys, values, self._index)
        if attention_mask is None and columns > 1:  # nothing but the causal order limits what a token sees
            seen = keys.shape[2]
            attention_mask = torch.ones(columns, seen, dtype=torch.bool).tril(seen - columns)[None, None]
        if attention_mask is not None:
            attention_mask = self._masks.of(attention_mask, groups, queries.dtype)
        queries = queries.view(rows, columns, -1, groups, self._width).transpose(1, 2).flatten(2, 3)
        seen = scaled_dot_product_attention(queries, keys, values, attn_mask=attention_mask, scale=self._scaling)
        seen = seen.unflatten(2, (columns, groups)).transpose(1, 2).reshape(rows, columns, -1)
        return self.o_proj(seen), None


def _rotated(states: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Return states, shape (rows, columns, heads, width), turned to their positions.

    Cosine and sine have the shape (rows, columns, 1, width).
    """
    half = states.shape[-1] // 2
    turned = states * cosine
    turned[..., :half].addcmul_(states[..., half:], sine[..., :half], value=-1)
    turned[..., half:].addcmul_(states[..., :half], sine[..., half:])
    return turned
