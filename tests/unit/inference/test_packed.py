"""Weights in the layout of the CPU's kernels."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from architectures import CONFIGS, random_model
from finintent.inference.output_layer import float32_logits
from finintent.inference.packed import pack_weights

needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this PyTorch has no oneDNN")
IDS = torch.tensor([[2, 9, 300, 41, 7], [5, 5, 260, 17, 1]])


@torch.inference_mode()
def logits(model: PreTrainedModel) -> torch.Tensor:
    return model(IDS).logits.float()


@needs_onednn
@pytest.mark.parametrize("name", CONFIGS)
def test_packed_weights_give_the_same_logits(name: str):
    plain, packed = random_model(name), pack_weights(random_model(name))
    torch.testing.assert_close(logits(packed), logits(plain), atol=2e-4, rtol=1e-5)
    kinds = {type(module).__name__ for module in packed.get_decoder().layers.modules()}
    assert "Linear" not in kinds
    assert ("_GatedBlock" in kinds) == (name != "chatglm3")  # GLM's gate and product are one matrix


@needs_onednn
def test_in_bfloat16_they_are_at_least_as_near_to_float32():
    exact = logits(random_model("qwen2.5"))
    plain = logits(random_model("qwen2.5").bfloat16()) - exact
    packed = logits(pack_weights(random_model("qwen2.5").bfloat16())) - exact
    assert packed.square().mean() < 1.2 * plain.square().mean()


@needs_onednn
@torch.inference_mode()
def test_the_output_layer_of_a_bfloat16_model_gives_float32_logits():
    plain, packed = random_model("qwen2.5").bfloat16(), pack_weights(random_model("qwen2.5").bfloat16())
    states = torch.randn(2, 3, plain.config.hidden_size).bfloat16()
    with float32_logits(plain), float32_logits(packed):
        expected, found = (model.get_output_embeddings()(states) for model in (plain, packed))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    assert packed.get_output_embeddings()(states[:, :0]).shape == (2, 0, expected.shape[-1])
    assert torch.equal(packed.get_input_embeddings().weight, plain.get_input_embeddings().weight)


@needs_onednn
@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.bool, torch.float32])
def test_a_mask_means_the_same_in_packed_layers(dtype: torch.dtype):
    sees = torch.rand(2, 1, 5, 5) < 0.5
    sees[..., 0] = True
    mask = sees if dtype == torch.bool else torch.zeros(sees.shape).masked_fill(~sees, torch.finfo(dtype).min)
    found = [
        model(IDS, attention_mask=mask).logits
        for model in (random_model("qwen2.5"), pack_weights(random_model("qwen2.5")))
    ]
    torch.testing.assert_close(found[1], found[0], atol=2e-4, rtol=1e-5)


@needs_onednn
@pytest.mark.parametrize("activation", ["gelu_pytorch_tanh", "gelu", "silu", "relu"])
def test_activations_are_the_models_own(activation: str):
    def build() -> PreTrainedModel:
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=400, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            hidden_act=activation, mlp_bias=True, initializer_range=0.5,
        )  # fmt: skip
        model = LlamaForCausalLM(config).eval()
        for tensor in model.parameters():
            if tensor.dim() == 1:
                torch.nn.init.normal_(tensor)
        return model

    torch.testing.assert_close(logits(pack_weights(build())), logits(build()), atol=2e-4, rtol=1e-5)
