"""A model's last layer, computed only where its output is read.

The layers before it need every token, and its keys and values are kept for later tokens. But of its queries, its
attention's output and its gated block, only the columns whose logits are asked for matter.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from unittest.mock import patch

import torch
from transformers import PreTrainedModel


@contextmanager
def last_layer_at(model: PreTrainedModel, columns: torch.Tensor) -> Iterator[None]:
    """Let the last layer of a model give its output at some columns (indices) alone; elsewhere it has no meaning.

    A layer whose parts have other names than those of Llama and its kin computes everything.
    """
    *_, layer = getattr(model.get_decoder(), "layers", [None])
    block, attention = getattr(layer, "mlp", None), getattr(layer, "self_attn", None)
    parts = [getattr(attention, "q_proj", None), getattr(attention, "o_proj", None)]
    if hasattr(block, "down_proj"):  # a mixture of experts returns more than a tensor
        parts.append(block)
    with ExitStack() as stack:
        for part in filter(None, parts):
            stack.enter_context(patch.object(part, "forward", partial(_at, columns, part.forward)))
        yield


def _at(columns: torch.Tensor, forward: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor) -> torch.Tensor:
    """Return what `forward` gives at the columns of states, shape (rows, columns, width), and zeros elsewhere."""
    given = forward(states[:, columns] if len(columns) else states[:, :1])  # kernels do not take empty tensors
    whole = given.new_zeros((*states.shape[:2], given.shape[-1]))
    if len(columns):
        whole[:, columns] = given
    return whole
