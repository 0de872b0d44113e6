"""Layers that train in fewer passes compute what the originals do, and so do their gradients."""

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GlmConfig,
    GlmForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from finintent.training.lean_layers import lean_layers
from finintent.training.rows import Rows

SIZES = {
    "vocab_size": 40,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
MODELS = {
    "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig(**SIZES, sliding_window=6, query_pre_attn_scalar=20)),
    "llama": (LlamaForCausalLM, LlamaConfig(**SIZES)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**{**SIZES, "hidden_size": 64})),  # with biases
    "glm": (GlmForCausalLM, GlmConfig(**SIZES, pad_token_id=0)),
}
IDS = torch.tensor([[9, 8, 7, 1, 2, 3, 4, 5, 6, 0], [9, 8, 7, 3, 3, 0, 0, 0, 0, 0], [9, 8, 7, 4, 1, 1, 2, 9, 7, 5]])
PRESENT = IDS != 0


def adapted(name: str, **options: object) -> PeftModel:
    torch.manual_seed(0)
    kind, config = MODELS[name]
    config._attn_implementation = "eager"
    model = get_peft_model(kind(config), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", **options))
    for parameter_name, parameter in model.named_parameters():
        if "lora_" in parameter_name or "norm" in parameter_name or "bias" in parameter_name:
            parameter.data = torch.randn(parameter.shape) / 4
    return model.train()


def gradients(model: PeftModel, loss: torch.Tensor) -> list[torch.Tensor]:
    return torch.autograd.grad(loss, [each for each in model.parameters() if each.requires_grad])


def plain(model: PeftModel, weights: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return the logits of each token, and the gradients of their weighted sum."""
    logits = model(input_ids=IDS, attention_mask=PRESENT.long()).logits[PRESENT]
    return logits.detach(), gradients(model, (logits * weights).sum())


def lean(model: PeftModel, weights: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return the same, of rows that are read as one sequence."""
    rows = Rows.of(IDS, PRESENT, limit=3)
    with lean_layers(model, dtype) as reads_rows:
        assert reads_rows
        sequence = IDS.flatten()[rows.places][None]
        logits = model(input_ids=sequence, position_ids=rows.positions[None], rows=rows).logits[0]
        logits = logits[rows.columns[PRESENT]]
        return logits.detach(), gradients(model, (logits * weights).sum())


@pytest.fixture
def weights() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(int(PRESENT.sum()), SIZES["vocab_size"])


@pytest.mark.parametrize("name", ["gemma3", "llama", "qwen2"])
def test_one_sequence_gives_the_logits_and_gradients_of_padded_rows(name: str, weights: torch.Tensor):
    model = adapted(name)
    expected, found = plain(model, weights), lean(model, weights, torch.float32)
    torch.testing.assert_close(found[0], expected[0], atol=2e-5, rtol=1e-4)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-5 * float(theirs.abs().max() + 1), rtol=1e-3)


@pytest.mark.parametrize("name", ["gemma3", "llama", "qwen2"])
def test_bfloat16_differs_by_rounding(name: str, weights: torch.Tensor):
    model = adapted(name)
    exact = plain(model, weights)
    with torch.autocast("cpu", torch.bfloat16):
        usual, found = plain(model, weights), lean(model, weights, torch.bfloat16)

    def error(one: list[torch.Tensor]) -> float:
        return sum(float((a - b).square().sum()) for a, b in zip(one, exact[1], strict=True)) ** 0.5

    assert error(found[1]) < 1.5 * error(usual[1])


def test_a_kind_of_attention_that_is_not_known_reads_no_rows(weights: torch.Tensor):
    """Its norms and its linear layers are lean all the same."""
    model = adapted("glm")
    expected = plain(model, weights)
    with lean_layers(model, torch.float32) as reads_rows:
        assert not reads_rows
        found = plain(model, weights)
    torch.testing.assert_close(found[0], expected[0], atol=2e-5, rtol=1e-4)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-5 * float(theirs.abs().max() + 1), rtol=1e-3)


@pytest.mark.parametrize("options", [{"use_dora": True}, {"lora_dropout": 0.5}, {"lora_bias": True}])
def test_other_kinds_of_adapters_are_left_to_peft(options: dict):
    model = adapted("llama", **options)
    layer = model.get_base_model().model.layers[0].self_attn.q_proj
    with lean_layers(model, torch.float32):
        assert "forward" not in vars(layer)


def test_layers_are_as_before_afterwards(weights: torch.Tensor):
    model = adapted("gemma3")
    expected = plain(model, weights)
    with lean_layers(model, torch.float32):
        pass
    assert torch.equal(plain(model, weights)[0], expected[0])
