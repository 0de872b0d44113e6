from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from checkpoints import GOLDEN, KINDS
from finintent.errors import ModelError
from finintent.files import read_json, write_json
from finintent.models.conversion import ARCHITECTURES, convert, convert_weights


def loaded(kind: str, source: Path, target: Path) -> torch.nn.Module:
    target.mkdir()
    convert_weights(kind, source, target)
    return AutoModelForCausalLM.from_pretrained(target).eval()


@pytest.fixture(scope="module", params=KINDS)
def golden(request, tmp_path_factory):
    """A converted golden checkpoint, and what the original code computes with it."""
    folder = tmp_path_factory.mktemp(request.param) / "native"
    return loaded(request.param, GOLDEN / request.param / "original", folder), np.load(
        GOLDEN / request.param / "reference.npz"
    )


@torch.inference_mode()
@pytest.mark.parametrize("text", ["a", "b"])
def test_logits_are_those_of_the_original_code(golden, text: str):
    model, reference = golden
    logits = model(torch.tensor(reference[f"ids_{text}"])).logits.numpy()
    np.testing.assert_allclose(logits, reference[f"logits_{text}"], rtol=0, atol=2e-5)


@torch.inference_mode()
def test_logits_of_a_padded_batch(golden):
    model, reference = golden
    ids, mask, positions = (torch.tensor(reference[f"{name}_c"]) for name in ("ids", "mask", "pos"))
    logits = model(ids, attention_mask=mask, position_ids=positions).logits.numpy()
    seen = reference["mask_c"] == 1
    np.testing.assert_allclose(logits[seen], reference["logits_c"][seen], rtol=0, atol=2e-5)


@torch.inference_mode()
def test_loss_and_greedy_tokens(golden):
    model, reference = golden
    loss = model(torch.tensor(reference["ids_b"]), labels=torch.tensor(reference["labels_b"])).loss
    assert float(loss) == pytest.approx(float(reference["loss_b"]), abs=2e-5)
    ids = torch.tensor(reference["ids_a"])
    tokens = model.generate(ids, max_new_tokens=16, do_sample=False, eos_token_id=None)[0, ids.shape[1] :]
    assert tokens.tolist() == reference["greedy_a"].ravel()[-16:].tolist()


def test_a_layout_names_every_native_tensor_once(original):
    kind, folder = original
    config = ARCHITECTURES[kind].read_config(folder)
    native = AutoModelForCausalLM.from_config(config).state_dict()
    found = {}
    for origin in ARCHITECTURES[kind].layout(config).values():
        assert sum(origin.rows.values()) == origin.shape[0]
        assert not origin.rows.keys() & found.keys()
        found |= {name: (rows, *origin.shape[1:]) for name, rows in origin.rows.items()}
    assert found == {name: tuple(tensor.shape) for name, tensor in native.items()}


def test_the_native_configuration(original, tmp_path):
    kind, folder = original
    (tmp_path / "native").mkdir()
    convert_weights(kind, folder, tmp_path / "native")
    config = AutoConfig.from_pretrained(tmp_path / "native")
    assert config.rms_norm_eps == {"chatglm3": 1e-5, "baichuan2": 1e-6}[kind]
    assert (config.eos_token_id, config.pad_token_id) == (2, 0)
    generation = read_json(tmp_path / "native/generation_config.json")
    assert not generation.keys() & {"do_sample", "temperature", "top_p", "top_k", "repetition_penalty"}
    assert generation["eos_token_id"] == 2


WRONG_CONFIGS = [
    ("chatglm3", {"post_layer_norm": False}, "post_layer_norm is False, expected True"),
    ("chatglm3", {"multi_query_attention": False}, "multi_query_attention is False, expected True"),
    ("chatglm3", {"add_qkv_bias": False}, "add_qkv_bias is False, expected True"),
    ("chatglm3", {"rmsnorm": False}, "rmsnorm is False, expected True"),
    ("chatglm3", {"add_bias_linear": True}, "add_bias_linear is True, expected False"),
    ("chatglm3", {"pre_seq_len": 128}, "pre_seq_len is 128, expected None"),
    ("chatglm3", {"quantization_bit": 4}, "quantised; use the original weights"),
    ("chatglm3", {"interleaved_qkv": True}, r"unknown key interleaved_qkv \(True\)"),
    ("chatglm3", {"layernorm_epsilon": None}, "no key layernorm_epsilon"),
    ("baichuan2", {"quantization_config": {"bits": 4}}, "quantised; use the original weights"),
    ("baichuan2", {"architectures": ["BaiChuanForCausalLM"]}, "architectures is .*, expected"),
    ("baichuan2", {"tie_word_embeddings": True}, "tie_word_embeddings is True, expected False"),
    ("baichuan2", {"alibi": True}, "unknown key alibi"),
    ("baichuan2", {"max_position_embeddings": None}, "no key max_position_embeddings"),  # the 13B model has none
]


@pytest.mark.parametrize(("kind", "change", "message"), WRONG_CONFIGS, ids=lambda value: str(value)[:40])
def test_other_kinds_of_model_are_refused(tmp_path, kind: str, change: dict, message: str):
    config = read_json(GOLDEN / kind / "original/config.json") | change
    missing = {key for key in change if key in ("layernorm_epsilon", "max_position_embeddings")}
    write_json(tmp_path / "config.json", {key: value for key, value in config.items() if key not in missing})
    with pytest.raises(ModelError, match=message):
        convert_weights(kind, tmp_path, tmp_path)
    with pytest.raises(ModelError, match="choose one of chatglm3, baichuan2"):
        convert("chatglm2", tmp_path, tmp_path / "native")


def test_a_folder_with_files_is_not_converted_into(original):
    kind, folder = original
    with pytest.raises(ModelError, match=r"already holds config\.json"):
        convert(kind, folder, folder)
