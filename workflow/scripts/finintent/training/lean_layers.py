"""Layers that train fast on a CPU: frozen weights in its kernels' layout (oneDNN), and few passes over the tensors.

What a layer computes stays the same but for rounding. Each function here has its gradient written out, so that only
what the gradient needs is kept, in the precision in which it came.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from typing import Any
from unittest.mock import patch

import torch
from peft import PeftModel
from peft.tuners.lora import Linear
from torch import nn

from finintent.inference.packed import NORMS, ROTATED_IN_HALVES, ROWS, norm_parts
from finintent.training.fused_adapters import is_plain
from finintent.training.rows import Moved, Rows


@contextmanager
def lean_layers(model: PeftModel, dtype: torch.dtype) -> Iterator[bool]:
    """Let the layers of a model with an adapter train in fewer passes; yield whether it can read a batch as `Rows`.

    Layers of a kind that is not known here stay as they are.

    Args:
        model: the model, on a CPU.
        dtype: of the products.
    """
    base = model.get_base_model()
    known = base.config.get_text_config().model_type in ROTATED_IN_HALVES
    with ExitStack() as stack:
        for module in base.modules():
            if is_plain(module):
                forward = _Adapted(module, dtype)
            elif type(module).__name__ in NORMS and not module.weight.requires_grad:
                forward = partial(_normed, _Norm(module), dtype)
            else:
                continue
            stack.enter_context(patch.object(module, "forward", forward))
        if known:
            for layer in base.get_decoder().layers:
                attention = layer.self_attn
                stack.enter_context(patch.object(attention, "forward", _Attention(attention, attention.forward)))
        yield known


class _Adapted:
    """The forward pass of a frozen linear layer with an adapter."""

    def __init__(self, layer: Linear, dtype: torch.dtype) -> None:
        weight, bias = layer.base_layer.weight.detach().to(dtype), layer.base_layer.bias
        self.weight, self.transposed = (
            torch.ops.mkldnn._reorder_linear_weight(matrix.contiguous(), ROWS) for matrix in (weight, weight.t())
        )
        self.bias = None if bias is None else bias.detach().to(dtype)
        self.dtype = dtype
        self._layer, (self._name,) = layer, layer.active_adapters

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        down, up = self._layer.lora_A[self._name].weight, self._layer.lora_B[self._name].weight
        return _AdaptedProduct.apply(states, down, up, self._layer.scaling[self._name], self)


def _product(states: torch.Tensor, packed: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(states, packed, bias, "none", [], "")


class _AdaptedProduct(torch.autograd.Function):
    """The product states @ weight.T + bias + scaling * (states @ down.T) @ up.T, of which down and up are trained."""

    @staticmethod
    def forward(
        context: Any, states: torch.Tensor, down: torch.Tensor, up: torch.Tensor, scaling: float, layer: _Adapted
    ) -> torch.Tensor:
        context.shape, context.given = states.shape, states.dtype
        states, down, up = (tensor.to(layer.dtype) for tensor in (states.flatten(0, -2), down, up))
        inner = states @ down.t()
        context.save_for_backward(states, inner, down, up)
        context.scaling, context.layer = scaling, layer
        found = _product(states, layer.weight, layer.bias).addmm_(inner, up.t(), alpha=scaling)
        return found.view(*context.shape[:-1], -1)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        states, inner, down, up = context.saved_tensors
        gradient = gradient.flatten(0, -2)
        inner_gradient = (gradient @ up).mul_(context.scaling)
        found = None
        if context.needs_input_grad[0]:  # the first layer's input has no use for one
            found = _product(gradient, context.layer.transposed).addmm_(inner_gradient, down)
            found = found.view(context.shape).to(context.given)
        return (
            found,
            (inner_gradient.t() @ states).float(),
            (gradient.t() @ inner).float() * context.scaling,
            None,
            None,
        )


class _Norm:
    """A root-mean-square norm with frozen weights, computed in float32."""

    def __init__(self, norm: nn.Module) -> None:
        self.weight, self._epsilon = norm_parts(norm)

    def scale(self, states: torch.Tensor) -> torch.Tensor:
        """Return one over the root of the mean square of each vector, shape (..., 1), float32."""
        squares = torch.linalg.vector_norm(states, dim=-1, keepdim=True, dtype=torch.float32).square_()
        return squares.div_(states.shape[-1]).add_(self._epsilon).rsqrt_()

    def backward(self, gradient: torch.Tensor, states: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Return the gradient of states, float32, from that of what the norm returned."""
        gradient, normed = gradient * self.weight, states * scale
        mean = (gradient * normed).mean(-1, keepdim=True)
        return gradient.addcmul_(normed, mean, value=-1).mul_(scale)


def _normed(norm: _Norm, dtype: torch.dtype, states: torch.Tensor) -> torch.Tensor:
    return _Normed.apply(states, norm, dtype)


class _Normed(torch.autograd.Function):
    """A norm, in the precision of the products that take what it returns."""

    @staticmethod
    def forward(context: Any, states: torch.Tensor, norm: _Norm, dtype: torch.dtype) -> torch.Tensor:
        scale = norm.scale(states)
        context.save_for_backward(states, scale)
        context.norm = norm
        return (states * scale).mul_(norm.weight).to(dtype)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        states, scale = context.saved_tensors
        return context.norm.backward(gradient, states, scale).to(states.dtype), None, None


class _Attention:
    """Attention's forward pass, with rotary positions in halves, and norms of queries and keys where it has them."""

    def __init__(self, layer: nn.Module, usual: Callable[..., Any]) -> None:
        self._layer, self._usual = layer, usual
        norms = (getattr(layer, name, None) for name in ("q_norm", "k_norm"))
        self._query_norm, self._key_norm = (norm and _Norm(norm) for norm in norms)

    def __call__(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        *args: Any,
        rows: Rows | None = None,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return what attention adds to the residual stream, shape (1, tokens, width), and no weights.

        Each token sees its row's tokens before it, and itself. Queries that share keys stand in rows of one head, so
        that no key is repeated. Without `rows`, states are read as transformers does.
        """
        layer = self._layer
        if rows is None:
            return self._usual(hidden_states, position_embeddings, *args, **kwargs)
        queries, keys, values = (
            part(hidden_states)[0].unflatten(-1, (-1, layer.head_dim))
            for part in (layer.q_proj, layer.k_proj, layer.v_proj)
        )
        cosine, sine = (part[0, :, None].float() for part in position_embeddings)
        queries = _Turned.apply(queries, self._query_norm, cosine * layer.scaling, sine * layer.scaling, rows)
        keys = _Turned.apply(keys, self._key_norm, cosine, sine, rows)
        values = Moved.apply(values, rows.spread, rows.spread_backward)
        width, groups = queries.shape[1], queries.shape[2] // keys.shape[2]
        # One matrix for each row and head of keys.
        queries = queries.unflatten(2, (-1, groups)).permute(0, 2, 3, 1, 4).flatten(2, 3).flatten(0, 1)
        keys, values = (states.transpose(1, 2).flatten(0, 1) for states in (keys, values))
        unseen = _unseen(width, groups, getattr(layer, "sliding_window", None) or width).to(queries.dtype)
        weights = torch.baddbmm(unseen, queries, keys.transpose(1, 2))
        seen = weights.softmax(-1, dtype=torch.float32).to(values.dtype) @ values
        seen = seen.unflatten(0, (len(rows.columns), -1)).unflatten(2, (groups, width))
        seen = seen.permute(0, 3, 1, 2, 4).flatten(2)
        return layer.o_proj(Moved.apply(seen, rows.gathered, rows.gathered_backward)[None]), None


@lru_cache(maxsize=4)
def _unseen(width: int, groups: int, window: int) -> torch.Tensor:
    """Return what is added to the products of queries and keys, shape (1, groups * width, width): -inf where unseen."""
    distance = torch.arange(width)[:, None] - torch.arange(width)
    seen = (distance >= 0) & (distance < window)
    return torch.zeros(width, width).masked_fill(~seen, -math.inf).repeat(groups, 1)[None]


class _Turned(torch.autograd.Function):
    """Queries or keys, shape (tokens, heads, width), normed and turned to their positions, as rows."""

    @staticmethod
    def forward(
        context: Any, states: torch.Tensor, norm: _Norm | None, cosine: torch.Tensor, sine: torch.Tensor, rows: Rows
    ) -> torch.Tensor:
        scale = norm and norm.scale(states)
        context.save_for_backward(states, scale, cosine, sine)
        context.norm, context.rows = norm, rows
        straight = (states * scale).mul_(norm.weight) if norm else states.float()
        half = states.shape[-1] // 2
        turned = straight * cosine
        turned[..., :half].addcmul_(straight[..., half:], sine[..., :half], value=-1)
        turned[..., half:].addcmul_(straight[..., :half], sine[..., half:])
        return rows.spread(turned.to(states.dtype))

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        states, scale, cosine, sine = context.saved_tensors
        gradient = context.rows.spread_backward(gradient).float()
        half = states.shape[-1] // 2
        found = gradient * cosine
        found[..., :half].addcmul_(gradient[..., half:], sine[..., half:])
        found[..., half:].addcmul_(gradient[..., :half], sine[..., :half], value=-1)
        if context.norm:
            found = context.norm.backward(found, states, scale)
        return found.to(states.dtype), None, None, None, None
