"""Baichuan2's own: a packed matrix of attention, a head of unit rows."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from checkpoints import GOLDEN
from finintent.models.baichuan2 import layout, read_config
from finintent.models.conversion import convert_weights

SOURCE = GOLDEN / "baichuan2/original"


def read(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}


def test_the_packed_matrix_holds_query_key_and_value_in_this_order():
    config = read_config(SOURCE)
    origin = layout(config)["model.layers.1.self_attn.W_pack.weight"]
    assert origin.shape == (3 * config.hidden_size, config.hidden_size)
    assert list(origin.rows) == [f"model.layers.1.self_attn.{name}_proj.weight" for name in "qkv"]


def test_the_rows_of_the_head_are_divided_by_their_norms(tmp_path: Path):
    convert_weights("baichuan2", SOURCE, tmp_path)
    original, head = read(SOURCE)["lm_head.weight"], read(tmp_path)["lm_head.weight"]
    norms = original.norm(dim=1, keepdim=True)
    assert not torch.allclose(norms, torch.ones_like(norms))
    assert torch.allclose(head * norms, original, atol=1e-6)
