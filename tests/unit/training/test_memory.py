"""The memory model against peaks measured on a GPU."""

from types import SimpleNamespace

import pytest
import torch
from transformers import FalconConfig, Gemma3Config, LlamaConfig

from finintent.training.memory import (
    GIB,
    available_bytes,
    held_bytes,
    model_shape,
    training_bytes,
    validation_bytes,
)
from finintent.training.plan import Batching, original
from shapes import LONGEST, SHAPES

# PyTorch's peak in GiB while training, by tests/gpu/measure.py on an H100; with checkpointing on an H200, by
# `llamafactory-cli train`, whose copies of inputs are then 0.03 GiB.
MEASURED = [
    ("qwen2.5-7b", Batching(1, 8, checkpointing=True, fused=False), 14.80),
    ("qwen2.5-7b", Batching(8, 1, checkpointing=True, fused=False), 16.42),
    ("qwen2.5-7b", Batching(8, 1, checkpointing=True, fused=True), 15.00),
    ("qwen2.5-7b", Batching(8, 1, checkpointing=False, fused=True), 19.46),
    ("qwen2.5-7b", Batching(64, 1, checkpointing=False, fused=True), 54.06),
    ("llama-3-8b", Batching(1, 8, checkpointing=True, fused=False), 15.56),
    ("llama-3-8b", Batching(8, 1, checkpointing=True, fused=True), 15.80),
    ("llama-3-8b", Batching(8, 1, checkpointing=False, fused=True), 20.28),
    ("llama-3-8b", Batching(64, 1, checkpointing=False, fused=True), 55.21),
    ("chatglm3-6b", Batching(8, 1, checkpointing=False, fused=False), 18.15),
    ("chatglm3-6b", Batching(64, 1, checkpointing=False, fused=False), 61.82),
    ("baichuan2-7b", Batching(8, 1, checkpointing=False, fused=True), 18.63),
    ("baichuan2-7b", Batching(64, 1, checkpointing=False, fused=True), 48.93),
]
# The same of a job that trains one row at a time and validates 16, which then takes more.
VALIDATED = {"qwen2.5-7b": 17.43, "llama-3-8b": 17.76, "chatglm3-6b": 13.17, "baichuan2-7b": 16.72}


@pytest.mark.parametrize(("name", "batching", "gib"), MEASURED)
def test_the_estimate_is_near_what_was_measured(name: str, batching: Batching, gib: float):
    shape = model_shape(SHAPES[name], rank=8)
    assert 0.98 * gib <= training_bytes(shape, batching, LONGEST) / GIB <= 1.05 * gib


@pytest.mark.parametrize(("name", "gib"), VALIDATED.items())
def test_validation_is_estimated_too(name: str, gib: float):
    shape = model_shape(SHAPES[name], rank=8)
    assert gib <= validation_bytes(shape, 16, 135) / GIB <= 1.01 * gib
    assert training_bytes(shape, original(8), 135) / GIB < gib


@pytest.mark.parametrize(("name", "gib"), [("qwen2.5-7b", 5.17), ("llama-3-8b", 5.31), ("baichuan2-7b", 5.03)])
def test_only_linear_layers_are_quantised(name: str, gib: float):
    """Weights by hand: 16 bits for embedding, head and norms, 4 and some constants for the rest."""
    shape = model_shape(SHAPES[name], rank=8)
    assert (held_bytes(shape, bits=4) - shape.adapter_weights * 16) / GIB == pytest.approx(gib, abs=0.05)


def test_of_a_card_that_is_there_cuda_takes_its_part(monkeypatch):
    card = SimpleNamespace(total_memory=22 * GIB)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    assert available_bytes(None) == pytest.approx(available_bytes(24))


@pytest.mark.parametrize("config", [FalconConfig(), Gemma3Config()])
def test_other_architectures_have_a_shape_too(config):
    shape = model_shape(config, rank=8)
    assert shape.mlp >= 2 * shape.hidden
    assert 0 < shape.adapter_weights < shape.linear_weights < shape.weights


def test_weights_that_are_cast_in_each_step_take_more():
    batching, shape = Batching(8, 1, checkpointing=False, fused=True), model_shape(SHAPES["llama-3-8b"], rank=8)
    kept = training_bytes(shape, batching, LONGEST)
    for dtype, extra in ((torch.float16, 2), (torch.float32, 4)):
        config = LlamaConfig(**SHAPES["llama-3-8b"].to_dict() | {"dtype": dtype})
        more = training_bytes(model_shape(config, rank=8), batching, LONGEST) - kept
        assert more == pytest.approx(extra * shape.weights)
