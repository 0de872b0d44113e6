"""The rows of a batch one behind another, instead of each padded to the longest.

Then the layers compute no padding. Only attention looks at several tokens of a row, so its queries, keys and values are
moved into padded rows, and its output back. Shapes do not depend on how long each row is, only on the sum, rounded up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from llamafactory.extras.constants import IGNORE_INDEX
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface

ATTENTION = "finintent_packed_rows"  # the attention's name, among those of transformers


@dataclass(frozen=True)
class PackedRows:
    """Where the tokens of packed rows are.

    Attributes:
        columns: the token in each column of the padded rows, shape (rows * width); padding names a token of no row.
        slots: each token's column, shape (tokens); a token of no row has one that is padding.
        width: columns of a padded row.
    """

    columns: torch.Tensor
    slots: torch.Tensor
    width: int


@dataclass(frozen=True)
class Packing:
    """Collates rows into one, for a data set whose rows have at most so many tokens.

    Attributes:
        collate: makes a padded batch.
        width: columns of a padded row: more than the longest row, so that its last one is padding.
        answers: most tokens of a row that enter the loss.
    """

    collate: Callable[[list[dict[str, Any]]], dict[str, torch.Tensor]]
    width: int
    answers: int

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return a batch: the tokens, shape (1, tokens), where they are, and the labels of the answers' alone.

        `places`, shape (answers), names the tokens that a label follows; what is left of both is filled with a token of
        no row and IGNORE_INDEX.
        """
        padded = self.collate(rows)
        real = padded["attention_mask"].bool()
        count = int(real.sum())
        tokens, answers = rounded_up(count + 1), len(rows) * self.answers
        position = (real.cumsum(1) - 1)[real]
        slots = torch.full((tokens,), self.width - 1)
        slots[:count] = torch.arange(len(rows))[:, None].expand_as(real)[real] * self.width + position
        columns = torch.full((len(rows) * self.width,), count)
        columns[slots[:count]] = torch.arange(count)
        following = pad(padded["labels"][:, 1:], (0, 1), value=IGNORE_INDEX)[real]
        answered = (following != IGNORE_INDEX).nonzero()[:, 0]
        return {
            "input_ids": pad(padded["input_ids"][real], (0, tokens - count))[None],
            "position_ids": pad(position, (0, tokens - count))[None],
            "labels": pad(following[answered], (0, answers - len(answered)), value=IGNORE_INDEX)[None],
            "places": pad(answered, (0, answers - len(answered)), value=count),
            "columns": columns,
            "slots": slots,
        }


def rounded_up(count: int) -> int:
    """Return the next multiple of 64, or of about a thirtieth of the count: few different shapes, little padding."""
    step = 2 ** max(6, count.bit_length() - 5)
    return -(-count // step) * step


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    packed_rows: PackedRows,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Compute causal attention within each packed row: an attention function of transformers.

    Query, key and value have the shape (1, heads, tokens, width of a head), the result (1, tokens, heads, width).
    """
    rows = packed_rows
    padded = (
        _Moved.apply(states[0].transpose(0, 1), rows.columns, rows.slots).unflatten(0, (-1, rows.width)).transpose(1, 2)
        for states in (query, key, value)
    )
    output = scaled_dot_product_attention(
        *padded, dropout_p=dropout, scale=scaling, is_causal=True, enable_gqa=key.shape[1] != query.shape[1]
    )
    return _Moved.apply(output.transpose(1, 2).flatten(0, 1), rows.slots, rows.columns)[None], None


class _Moved(torch.autograd.Function):
    """The entries of a tensor at an index; the gradient goes back by the inverse index.

    Padding is at no place of its own, but its gradient is zero: no row's loss depends on it.
    """

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, index: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(inverse)
        return states.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return gradient.index_select(0, inverse), None, None


AttentionInterface.register(ATTENTION, packed_attention)
