"""The output layer of a language model, where hidden states become logits."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import torch
from transformers import PreTrainedModel


@contextmanager
def float32_logits(model: PreTrainedModel) -> Iterator[None]:
    """Let a model's output layer give float32 logits, whatever the precision of its weights.

    A bfloat16 logit has 8 significant bits, so the logits of two answers are often equal after rounding. The hidden
    states that the layer reads keep the model's precision; what the model does with the logits afterwards, such as a
    soft cap, is computed in float32 too.
    """
    layer = model.get_output_embeddings()
    packed = not isinstance(layer, torch.nn.Linear)  # by `pack_weights`, which does the same
    if packed or layer.weight.dtype == torch.float32:
        yield
        return
    converted = None if layer.weight.is_cuda else layer.weight.float()
    with patch.object(layer, "forward", partial(_float32_linear, layer, converted)):
        yield


def _float32_linear(layer: torch.nn.Linear, converted: torch.Tensor | None, states: torch.Tensor) -> torch.Tensor:
    """Return a linear layer's float32 result; the products of two bfloat16 numbers are exact in float32.

    A GPU multiplies bfloat16 and adds up in float32 anyway: only its rounding of the result is left out. A CPU's
    library has no such operation, so it gets the weights in float32.
    """
    bias = None if layer.bias is None else layer.bias.float()
    if converted is not None:
        return torch.nn.functional.linear(states.float(), converted, bias)
    values = torch.mm(states.flatten(0, -2), layer.weight.T, out_dtype=torch.float32)
    return (values if bias is None else values + bias).unflatten(0, states.shape[:-1])
