"""Logits in float32 from the weights of a bfloat16 model."""

import pytest
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from finintent.inference.output_layer import float32_logits

TOKENS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
SHAPE = {
    "vocab_size": 100, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "initializer_range": 0.2, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2,
}  # fmt: skip


def llama() -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE)).eval()


def capped() -> PreTrainedModel:
    torch.manual_seed(0)
    config = Gemma3TextConfig(**SHAPE, head_dim=16, final_logit_softcapping=5.0)
    return Gemma3ForCausalLM(config).eval()


def biased() -> PreTrainedModel:
    model = llama()
    model.lm_head.bias = torch.nn.Parameter(torch.randn(100))
    return model


@pytest.mark.parametrize("build", [llama, capped, biased])
@torch.inference_mode()
def test_logits_are_those_of_a_float32_layer_on_the_same_states(build):
    model = build().to(torch.bfloat16)
    before = model(TOKENS).logits
    states = model.model(TOKENS).last_hidden_state.double()
    layer = model.get_output_embeddings()
    expected = states @ layer.weight.double().T + (0 if layer.bias is None else layer.bias.double())
    if cap := getattr(model.config, "final_logit_softcapping", None):
        expected = cap * torch.tanh(expected / cap)
    with float32_logits(model):
        inside = model(TOKENS).logits
        torch.testing.assert_close(model(TOKENS, logits_to_keep=1).logits, inside[:, -1:])
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside.double(), expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(before.double(), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(model(TOKENS).logits, before)  # the layer is as it was


@torch.inference_mode()
def test_a_float32_model_is_not_touched():
    model = llama()
    before = model(TOKENS).logits
    with float32_logits(model):
        assert "forward" not in vars(model.lm_head)
        assert torch.equal(model(TOKENS).logits, before)
