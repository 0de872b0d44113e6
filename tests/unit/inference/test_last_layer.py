"""The last layer where its output is read."""

import pytest
import torch
from transformers import PreTrainedModel

from architectures import CONFIGS, random_model
from finintent.inference.last_layer import last_layer_at
from finintent.inference.packed import pack_weights

IDS = torch.tensor([[2, 9, 300, 41, 7], [5, 5, 260, 17, 1]])


@torch.inference_mode()
def logits(model: PreTrainedModel, columns: list[int]) -> torch.Tensor:
    return model(IDS, logits_to_keep=torch.tensor(columns, dtype=torch.long)).logits


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("columns", [[4], [1, 3, 4], []])
@pytest.mark.parametrize("name", CONFIGS)
def test_columns_that_are_read_stay_the_same(name: str, columns: list[int], packed: bool):
    model = random_model(name)
    if packed:
        model = pack_weights(model)
    expected = logits(model, columns)
    read = []
    last = model.get_decoder().layers[-1]
    kept, whole = last.mlp.forward, last.self_attn.q_proj.forward
    last.mlp.forward = lambda states: (read.append(states.shape[1]), kept(states))[1]
    with last_layer_at(model, torch.tensor(columns, dtype=torch.long)):
        found = logits(model, columns)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
    assert read == [max(len(columns), 1)]
    assert last.self_attn.q_proj.forward == whole
    logits(model, columns)
    assert read[1:] == [5]


def test_a_layer_of_other_parts_computes_everything():
    model = random_model("llama3")
    expected = logits(model, [4])
    last = model.get_decoder().layers[-1]
    del last.mlp.down_proj
    last.mlp.forward = lambda states: torch.zeros_like(states)
    changed = logits(model, [4])
    assert not torch.equal(changed, expected)
    with last_layer_at(model, torch.tensor([4])):
        torch.testing.assert_close(logits(model, [4]), changed, atol=1e-4, rtol=1e-5)
