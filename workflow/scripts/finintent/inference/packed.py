"""Weights in the layout of the CPU's own kernels (oneDNN), for a model that only reads.

PyTorch's linear layer takes a matrix as it is stored: its float32 product reaches 85 % of oneDNN's, which reorders the
weights once. oneDNN also applies a gated block's activation and product while it writes the results, which saves four
passes over the widest tensors.
"""

import torch
from torch import nn
from transformers import PreTrainedModel

# oneDNN's names of the activations (as `attr` and `algorithm`) by the configurations' names.
ACTIVATIONS = {
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "gelu": ("gelu", "none"),
    "silu": ("swish", ""),
    "swish": ("swish", ""),
}
ROWS = 1024  # tokens that the layout is chosen for: about those of a batch


def pack_weights(model: PreTrainedModel) -> PreTrainedModel:
    """Pack the linear layers of a model's blocks, which can then be neither trained nor saved; return the model.

    Embeddings and output layer stay. On a GPU, or where PyTorch has no oneDNN, nothing changes.
    """
    if model.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return model
    config = model.config.get_text_config()
    activation = ACTIVATIONS.get(getattr(config, "hidden_activation", None) or getattr(config, "hidden_act", None))
    for block in model.get_decoder().layers:
        for module in list(block.modules()):
            for name, child in list(module.named_children()):
                if activation and {"gate_proj", "up_proj", "down_proj"} <= set(dict(child.named_children())):
                    setattr(module, name, _GatedBlock(child, *activation))
                elif type(child) is nn.Linear:
                    setattr(module, name, _Linear(child))
    return model


class _Linear(nn.Module):
    """A linear layer with packed weights, of which the original's memory is given back."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), ROWS)
        self._bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the product, plus the bias."""
        return self.then(states, "none", "")

    def then(self, states: torch.Tensor, activation: str, algorithm: str) -> torch.Tensor:
        """Return the activation of the product."""
        return torch.ops.mkldnn._linear_pointwise(states, self._weight, self._bias, activation, [], algorithm)

    def times(self, states: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        """Return the product, multiplied by a tensor of its shape."""
        return torch.ops.mkldnn._linear_pointwise.binary(states, factor, self._weight, self._bias, "mul")


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
