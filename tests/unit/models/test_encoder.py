"""Which folders are encoders that can be fine-tuned."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from finintent.errors import ModelError
from finintent.models.encoder import check_encoder
from tiny import write_tiny_encoder, write_tiny_model


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_encoders_pass(kind: str, tmp_path: Path):
    check_encoder(write_tiny_encoder(tmp_path, kind))


def test_weights_in_pytorchs_format_pass_and_load(tmp_path: Path):
    write_tiny_encoder(tmp_path, "bert")
    safe = tmp_path / "model.safetensors"
    torch.save(load_file(safe), tmp_path / "pytorch_model.bin")
    safe.unlink()
    check_encoder(tmp_path)
    AutoModelForSequenceClassification.from_pretrained(tmp_path)


def test_a_language_model_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="model_type is 'llama', expected an encoder"):
        check_encoder(write_tiny_model(tmp_path))


def test_a_folder_without_weights_is_refused(tmp_path: Path):
    (write_tiny_encoder(tmp_path, "bert") / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no weights \(.safetensors or .bin\)"):
        check_encoder(tmp_path)


def test_a_folder_without_a_usable_tokenizer_is_refused(tmp_path: Path):
    write_tiny_encoder(tmp_path, "xlm-roberta")
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps(settings | {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": None})
    )
    with pytest.raises(ModelError, match="no pad_token"):
        check_encoder(tmp_path)
    for path in tmp_path.glob("tokenizer*"):
        path.write_text("{")
    with pytest.raises(ModelError, match="no tokenizer that transformers reads"):
        check_encoder(tmp_path)
