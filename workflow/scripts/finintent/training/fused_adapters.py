"""LoRA adapters computed together with the layers that they adapt.

PEFT computes an adapter apart: its result is written, multiplied and added, each time by a pass over a tensor of the
layer's width, and as many passes follow in the backward pass. Here it is added where the layer's result is, by the
product itself. What is computed is the same but for rounding: one rounding to bfloat16 instead of three.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch.nn.functional import linear


def fuse_adapters(model: torch.nn.Module) -> None:
    """Let each adapter of a model in training be computed together with its layer, where both are of the plain kind.

    Quantised layers, dropout, biases of adapters and other kinds of LoRA stay as they are.
    """
    for module in model.modules():
        if is_plain(module):
            module.forward = partial(_forward, module, module.forward)


def is_plain(module: torch.nn.Module) -> bool:
    """Return whether a module is a linear layer with one adapter of LoRA's plain kind, without dropout and bias."""
    if not isinstance(module, Linear):
        return False
    (name, *others) = module.active_adapters
    return (
        not others
        and type(module.base_layer) is torch.nn.Linear
        and isinstance(module.lora_dropout[name], torch.nn.Identity)
        and not module.lora_variant
        and not module.lora_bias[name]
    )


def _forward(
    module: Linear, apart: Callable[..., torch.Tensor], states: torch.Tensor, *args: Any, **kwargs: Any
) -> torch.Tensor:
    weight, device = module.base_layer.weight, states.device.type
    computed = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
    if not states.dtype == weight.dtype == computed or args or kwargs or module.disable_adapters or module.merged:
        return apart(states, *args, **kwargs)
    (name,) = module.active_adapters
    return _Adapted.apply(
        states, weight, module.base_layer.bias, module.lora_A[name].weight, module.lora_B[name].weight,
        module.scaling[name],
    )  # fmt: skip


class _Adapted(torch.autograd.Function):
    """x W' + b + s (x A') B', for a frozen weight W and bias b, and a trained A and B in float32."""

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        flat = states.flatten(0, -2)
        down, up = down.to(weight.dtype), up.to(weight.dtype)
        inner = (flat @ down.T).mul_(scaling)
        ctx.save_for_backward(flat, weight, down, up, inner)
        ctx.scaling, ctx.shape = scaling, states.shape
        return linear(flat, weight, bias).addmm_(inner, up.T).unflatten(0, states.shape[:-1])

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, weight, down, up, inner = ctx.saved_tensors
        gradient = gradient.flatten(0, -2)
        inner_gradient = (gradient @ up).mul_(ctx.scaling)
        states_gradient = None
        if ctx.needs_input_grad[0]:
            states_gradient = (gradient @ weight).addmm_(inner_gradient, down).view(ctx.shape)
        return (
            states_gradient, None, None, _float32_product(inner_gradient.T, flat), _float32_product(gradient.T, inner),
            None,
        )  # fmt: skip


def _float32_product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return a product in float32; a GPU needs no copies of the factors for that."""
    if left.is_cuda and left.dtype != torch.float32:
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.float() @ right.float()
