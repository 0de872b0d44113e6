"""The output layer of a language model, where hidden states become logits."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import torch
from transformers import PreTrainedModel

BLOCK = 2**20  # weights that are converted at once: 4 MiB in float32, which stay in a core's cache


@contextmanager
def float32_logits(model: PreTrainedModel) -> Iterator[None]:
    """Let a model's output layer give float32 logits, whatever the precision of its weights.

    A bfloat16 logit has 8 significant bits, so the logits of two answers are often equal after rounding. The hidden
    states that the layer reads keep the model's precision; what the model does with the logits afterwards, such as a
    soft cap, is computed in float32 too.
    """
    layer = model.get_output_embeddings()
    if layer.weight.dtype == torch.float32:
        yield
        return
    with patch.object(layer, "forward", partial(_float32_linear, layer)):
        yield


def _float32_linear(layer: torch.nn.Linear, states: torch.Tensor) -> torch.Tensor:
    """Return a linear layer's float32 result; the products of two bfloat16 numbers are exact in float32.

    A GPU multiplies bfloat16 and adds up in float32 anyway: only its rounding of the result is left out. A CPU's
    library has no such operation, so the weights are converted, block by block: a copy of all might not fit in memory.
    """
    rows = states.flatten(0, -2)
    if states.is_cuda:
        values = torch.mm(rows, layer.weight.T, out_dtype=torch.float32)
    else:
        converted, size = rows.float(), max(1, BLOCK // layer.in_features)
        values = torch.empty((len(rows), layer.out_features))
        for start in range(0, layer.out_features, size):
            values[:, start : start + size] = converted @ layer.weight[start : start + size].float().T
    if layer.bias is not None:
        values += layer.bias.float()
    return values.unflatten(0, states.shape[:-1])
