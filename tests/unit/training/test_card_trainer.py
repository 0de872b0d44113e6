"""The fast preset's trainer computes what LlamaFactory's does, but for rounding."""

from pathlib import Path

import pytest
import torch
from llamafactory.extras.constants import IGNORE_INDEX
from llamafactory.train.sft import workflow
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GlmConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from finintent.data.dataset_info import dataset_info
from finintent.files import read_jsonl, write_json
from finintent.training import trainer as lora_training
from finintent.training.arguments import training_config
from finintent.training.card_trainer import CardTrainer
from finintent.training.fused_adapters import fuse_adapters
from finintent.training.packed_rows import ATTENTION, PackedRows, Packing, rounded_up
from finintent.training.trainer import train
from tiny import write_tiny_model

SIZES = {
    "vocab_size": 40, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "attn_implementation": "sdpa",
}  # fmt: skip
CONFIGS = [
    Gemma3TextConfig(**SIZES, head_dim=8, sliding_window=64, layer_types=["sliding_attention", "full_attention"]),
    GlmConfig(**SIZES, head_dim=8, attention_bias=True),
    LlamaConfig(**SIZES),
    MistralConfig(**SIZES),
    Phi3Config(**SIZES),
    Qwen2Config(**SIZES),
    Qwen3Config(**SIZES, head_dim=8),
]
ROWS = [
    {"input_ids": [1, 5, 6, 7, 8, 9, 2], "labels": [IGNORE_INDEX] * 5 + [9, 2]},
    {"input_ids": [1, 30, 31, 2], "labels": [IGNORE_INDEX] * 2 + [31, 2]},
    {"input_ids": [1, 11, 12, 13, 14, 15, 16, 17, 2], "labels": [IGNORE_INDEX] * 6 + [16, 17, 2]},
]


def padded(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """Return a batch as LlamaFactory's collator makes it."""
    width = max(len(row["input_ids"]) for row in rows)
    fills = {"input_ids": 0, "labels": IGNORE_INDEX, "attention_mask": 0}
    rows = [row | {"attention_mask": [1] * len(row["input_ids"])} for row in rows]
    return {
        name: torch.tensor([row[name] + [fill] * (width - len(row[name])) for row in rows])
        for name, fill in fills.items()
    }


def adapted(config: PretrainedConfig) -> PeftModel:
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=6, target_modules="all-linear"))
    for name, parameter in model.named_parameters():
        if "lora_" in name or "bias" in name:
            parameter.data = torch.randn(parameter.shape) / 8
    return model.train()


def gradients(model: PeftModel, loss: torch.Tensor) -> list[torch.Tensor]:
    return torch.autograd.grad(loss, [parameter for parameter in model.parameters() if parameter.requires_grad])


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)
def test_packed_rows_and_fused_adapters_give_the_same_gradients(config: PretrainedConfig):
    model = adapted(config)
    usual = model(**padded(ROWS)).loss
    expected = gradients(model, usual)
    fuse_adapters(model)
    batch = Packing(padded, width=16, answers=3)(ROWS)
    assert batch["input_ids"].shape == (1, 64)
    model.config._attn_implementation = ATTENTION
    rows = PackedRows(batch["columns"], batch["slots"], width=16)
    output = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], packed_rows=rows)
    loss = torch.nn.functional.cross_entropy(output.logits[0, batch["places"]], batch["labels"][0])
    torch.testing.assert_close(loss, usual)
    torch.testing.assert_close(gradients(model, loss), expected, atol=1e-5, rtol=1e-4)


def test_fused_adapters_round_less_in_bfloat16():
    """Against the same adapters in float32, on weights in bfloat16, the fused ones are at least as near."""
    model = adapted(CONFIGS[2]).to(torch.bfloat16)
    exact = adapted(CONFIGS[2])
    for parameter, source in zip(exact.parameters(), model.parameters(), strict=True):
        parameter.data = source.data.float()
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()
    expected = gradients(exact, exact(**padded(ROWS)).loss)
    errors = []
    for change in (lambda _: None, fuse_adapters):
        change(model)
        with torch.autocast("cpu", torch.bfloat16):
            found = gradients(model, model(**padded(ROWS)).loss)
        squares = [(left - right).square().sum() for left, right in zip(found, expected, strict=True)]
        errors.append(float(sum(squares) / sum(right.square().sum() for right in expected)) ** 0.5)
    assert errors[1] < max(1.1 * errors[0], 0.01)


def test_the_shapes_are_few():
    assert [rounded_up(count) for count in (1, 64, 65, 800, 6400)] == [64, 64, 128, 832, 6400]
    assert len({rounded_up(count) for count in range(6200, 6600)}) == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="tests/gpu compares them on a GPU")
def test_a_training_gives_the_same_adapter(tmp_path: Path, monkeypatch):
    """Five rows train in batches of four and one, and two are validated."""
    rows = [{"instruction": "where is it" + " now" * n, "input": "", "output": "ABABA"[n]} for n in range(5)]
    for split, some in (("train", rows), ("validation", rows[:2])):
        write_json(tmp_path / f"{split}.json", some)
    write_json(tmp_path / "dataset_info.json", dataset_info())
    base, adapters, logs = write_tiny_model(tmp_path / "model"), {}, {}
    for trainer in (workflow.CustomSeq2SeqTrainer, CardTrainer):
        monkeypatch.setattr(lora_training, "AnswerTrainer", trainer)
        folder = tmp_path / trainer.__name__
        settings = {"cutoff_len": 128, "logging_steps": 1, "num_train_epochs": 2, "per_device_train_batch_size": 4}
        arguments = training_config(
            model=str(base), data=str(tmp_path), template="gemma", split_special_tokens=False, checkpoints=str(folder),
            settings=settings | {"disable_gradient_checkpointing": True}, seed=0, bf16=False, gpu=False,
        )  # fmt: skip
        train(arguments | {"flash_attn": "sdpa"}, tmp_path / "train.yaml")
        adapters[trainer] = load_file(folder / "adapter_model.safetensors")
        logs[trainer] = [entry for entry in read_jsonl(folder / "trainer_log.jsonl") if "loss" in entry]
    usual, card = adapters.values()
    assert usual.keys() == card.keys()
    for name in usual:
        torch.testing.assert_close(card[name], usual[name], atol=1e-5, rtol=1e-4)
    losses = [[entry["loss"] for entry in entries] for entries in logs.values()]
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)
