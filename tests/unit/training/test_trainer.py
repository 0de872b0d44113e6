"""What `finintent train` saves, and that it changes no number but by rounding."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from finintent.inference.loading import load_model
from finintent.training import trainer as lora_training
from finintent.training.trainer import KeepInputs, train
from tiny import write_tiny_model

HIDDEN, LAYERS, IDS = 64, 2, torch.arange(1, 25).reshape(2, 12)


@pytest.fixture
def model() -> PeftModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=HIDDEN, intermediate_size=96, num_hidden_layers=LAYERS, num_attention_heads=4,
        attn_implementation="sdpa",
    )  # fmt: skip
    model = get_peft_model(LlamaForCausalLM(config).bfloat16(), LoraConfig(r=4, target_modules="all-linear"))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape) / 8  # float32, as LlamaFactory keeps them
    return model.train()


def train_step(model: PeftModel) -> tuple[torch.Tensor, list[torch.Tensor], int]:
    """Return the loss and the gradients of a step, and the bytes that it holds for its backward pass."""
    held = {}

    def hold(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes(), tensor  # kept alive, so that no address comes twice
        return tensor

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    with torch.autograd.graph.saved_tensors_hooks(hold, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16):
        loss = model(input_ids=IDS, labels=IDS).loss
    return loss.detach(), torch.autograd.grad(loss, trained), sum(size for size, _ in held.values())


def test_the_numbers_are_the_same_and_less_is_held(model):
    callback = KeepInputs()
    loss, gradients, held = train_step(model)
    callback.on_train_begin(SimpleNamespace(bf16=True), None, None, model=model)
    lean_loss, lean_gradients, lean_held = train_step(model)
    assert loss == lean_loss
    assert all(torch.equal(left, right) for left, right in zip(gradients, lean_gradients, strict=True))
    assert held - lean_held == 8 * IDS.numel() * LAYERS * HIDDEN
    callback.on_train_end(None, None, None)
    assert train_step(model)[2] == held


def test_without_autocast_inputs_are_cast(model):
    KeepInputs().on_train_begin(SimpleNamespace(bf16=False), None, None, model=model)
    assert model(input_ids=IDS, labels=IDS).loss.isfinite()  # float32 adapters on a bfloat16 base


@pytest.fixture
def cudnn_attention() -> Iterator[None]:
    """PyTorch as it comes, and as it was afterwards."""
    before = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(True)
    yield
    torch.backends.cuda.enable_cudnn_sdp(before)


def test_training_builds_no_attention_plan_for_each_length(cudnn_attention, tmp_path: Path, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        lora_training, "run_exp", lambda config, _: seen.update(config, cudnn=torch.backends.cuda.cudnn_sdp_enabled())
    )
    (tmp_path / "train.yaml").write_text("stage: sft\n")
    train(tmp_path / "train.yaml")
    assert seen == {"stage": "sft", "cudnn": False}


def test_a_model_that_answers_builds_none_either(cudnn_attention, tmp_path: Path):
    load_model(write_tiny_model(tmp_path), bf16=False)
    assert not torch.backends.cuda.cudnn_sdp_enabled()
