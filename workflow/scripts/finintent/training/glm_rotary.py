"""GLM's rotary positions in one kernel: neighbouring pairs of the first part of each head are rotated."""

from typing import Any

import torch
import triton
import triton.language as tl


def apply_rotary_positions(
    query: torch.Tensor, key: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Do what `apply_rotary_pos_emb` of GLM's class does, rounding once.

    Args:
        query: shape (rows, heads, tokens, width of a head).
        key: the same, with its own number of heads.
        cos: of the angles, shape (rows or 1, tokens, rotated width); its second half repeats the first.
        sin: of the angles, of that shape.
    """
    return _Rotated.apply(query, cos, sin), _Rotated.apply(key, cos, sin)


class _Rotated(torch.autograd.Function):
    """Heads rotated by their tokens' angles; the gradient is rotated back."""

    @staticmethod
    def forward(ctx: Any, heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotate(heads, cos, sin, 1.0)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _rotate(gradient, cos, sin, -1.0), None, None


def _rotate(heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, direction: float) -> torch.Tensor:
    tokens_first = heads.transpose(1, 2).contiguous()
    rotated = torch.empty_like(tokens_first)
    rows, tokens, count, width = tokens_first.shape
    pairs = count * width // 2
    _rotate_kernel[(rows * tokens,)](
        tokens_first, rotated, cos.contiguous(), sin.contiguous(), direction, cos.shape[0] * tokens,
        pairs=pairs, head_pairs=width // 2, turned=cos.shape[-1] // 2, block=triton.next_power_of_2(pairs),
    )  # fmt: skip
    return rotated.transpose(1, 2)


@triton.jit
def _rotate_kernel(
    source, target, cos, sin, direction, angles,
    pairs: tl.constexpr, head_pairs: tl.constexpr, turned: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """One program rotates all heads of a token. `angles`: tokens that have angles of their own."""
    token = tl.program_id(0).to(tl.int64)
    pair = tl.arange(0, block)
    there = pair < pairs
    place = pair % head_pairs
    angle = (token % angles) * 2 * turned + place
    cosine = tl.load(cos + angle, mask=there & (place < turned), other=1.0).to(tl.float32)
    sine = tl.load(sin + angle, mask=there & (place < turned), other=0.0).to(tl.float32) * direction
    first = token * 2 * pairs + 2 * pair
    left = tl.load(source + first, mask=there).to(tl.float32)
    right = tl.load(source + first + 1, mask=there).to(tl.float32)
    tl.store(target + first, left * cosine - right * sine, mask=there)
    tl.store(target + first + 1, right * cosine + left * sine, mask=there)
