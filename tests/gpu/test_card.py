"""On a GPU, the fast preset's kernels and recorded steps compute what the usual ones do, but for rounding."""

import copy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, GlmConfig, GlmForCausalLM

from finintent.data.dataset_info import dataset_info
from finintent.files import read_jsonl, write_json
from finintent.training.arguments import training_config
from tiny import tiny_pieces, tiny_tokenizer, write_tiny_model

if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

from finintent.training.kernels import apply_kernels
from finintent.training.trainer import train

SIZES = {
    "vocab_size": len(tiny_pieces()), "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 512,
    "attention_bias": True, "pad_token_id": 0, "eos_token_id": 1,
}  # fmt: skip


@pytest.fixture
def plain_glm(monkeypatch: pytest.MonkeyPatch):
    """GLM's class as it comes, and as it was afterwards."""
    from transformers.models.glm import modeling_glm

    for name in ("GlmRMSNorm", "GlmMLP", "apply_rotary_pos_emb"):
        monkeypatch.setattr(modeling_glm, name, getattr(modeling_glm, name))


def computed(model: GlmForCausalLM, ids: torch.Tensor) -> list[torch.Tensor]:
    """Return logits, loss and all gradients, in float64."""
    output = model(input_ids=ids, labels=ids)
    gradients = torch.autograd.grad(output.loss, list(model.parameters()))
    return [tensor.detach().double() for tensor in (output.logits, output.loss, *gradients)]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-4), (torch.bfloat16, 3e-2)])
def test_glm_gives_the_same_logits_loss_and_gradients(plain_glm, dtype: torch.dtype, tolerance: float):
    torch.manual_seed(0)
    config, ids = GlmConfig(**SIZES), torch.randint(3, 300, (3, 50), device="cuda")
    with torch.device("cuda"):
        plain = GlmForCausalLM(config)
    for name, parameter in plain.named_parameters():
        torch.nn.init.normal_(parameter, mean=1.0 if "norm" in name else 0.0, std=0.1)
    expected = computed(copy.deepcopy(plain).double(), ids)
    usual = computed(copy.deepcopy(plain).to(dtype), ids)
    apply_kernels(config, SimpleNamespace(enable_liger_kernel=True), is_trainable=True)
    with torch.device("cuda"):
        model = GlmForCausalLM(config)
    assert type(model.model.norm).__name__ == "LigerRMSNorm"
    model.load_state_dict(plain.state_dict())
    found = computed(model.to(dtype), ids)
    for fused, own, exact in zip(found, usual, expected, strict=True):
        error, own_error = ((values - exact).norm() / exact.norm() for values in (fused, own))
        assert error < max(tolerance, 1.5 * float(own_error))


def glm(folder: Path) -> Path:
    torch.manual_seed(0)
    GlmForCausalLM(GlmConfig(**SIZES)).save_pretrained(folder)
    tiny_tokenizer(tiny_pieces()).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("write", [write_tiny_model, glm])
def test_a_training_gives_the_same_losses_and_adapter(plain_glm, tmp_path: Path, write, caplog):
    """Ten rows train for four epochs in batches of four, four and two: of each shape, a step is recorded."""
    rows = [{"instruction": "where is it" + " now" * (n % 5), "input": "", "output": "ABABA"[n % 5]} for n in range(10)]
    for split, some in (("train", rows), ("validation", rows[:3])):
        write_json(tmp_path / f"{split}.json", some)
    write_json(tmp_path / "dataset_info.json", dataset_info())
    base = AutoModelForCausalLM.from_pretrained(write(tmp_path / "model"), dtype=torch.bfloat16)
    base.save_pretrained(tmp_path / "model")
    adapters, logs = [], []
    for fused in (False, True):
        folder = tmp_path / str(fused)
        settings = {
            "cutoff_len": 128, "logging_steps": 1, "num_train_epochs": 4, "per_device_train_batch_size": 4,
            "learning_rate": 1e-3, "disable_gradient_checkpointing": True, "enable_liger_kernel": fused,
        }  # fmt: skip
        arguments = training_config(
            model=str(tmp_path / "model"), data=str(tmp_path), template="gemma", split_special_tokens=False,
            checkpoints=str(folder), settings=settings, seed=0, bf16=True, gpu=True,
        )  # fmt: skip
        train(arguments, tmp_path / "train.yaml")
        adapters.append(load_file(folder / "adapter_model.safetensors"))
        logs.append(read_jsonl(folder / "trainer_log.jsonl"))
    assert "not recorded" not in caplog.text
    for name in ("loss", "eval_loss"):
        usual, fast = ([entry[name] for entry in entries if name in entry] for entries in logs)
        assert fast == pytest.approx(usual, rel=5e-3)
    usual, fast = (torch.cat([values.flatten() for _, values in sorted(found.items())]) for found in adapters)
    assert (usual - fast).norm() / usual.norm() < 0.05
