"""GGUF files of random models: what is converted computes what the file says."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from gguf import dequantize
from transformers import AutoModelForCausalLM, AutoTokenizer

from finintent.errors import ModelError
from finintent.models.gguf import convert, read_config
from finintent.models.gguf_file import read_gguf
from finintent.models.vocabulary import Reach
from tiny_gguf import CHAT_TEMPLATE, HEAD, TinyGguf, quantised, tiny_gguf

ARCHITECTURES = ("gemma3", "qwen2", "llama")
PROMPT = [5, 40, 200, 7, 90, 33, 150, 61, 12, 249, 8, 77]  # longer than the sliding window


@torch.inference_mode()
def logits(model: torch.nn.Module, ids: list[int]) -> torch.Tensor:
    return model.eval()(torch.tensor([ids])).logits[0]


def converted(path: Path, *, reach: Reach | None = None, dtype: torch.dtype = torch.float32) -> Path:
    folder = path.with_suffix("")
    folder.mkdir()
    convert(path, reach=reach, dtype=dtype, directory=folder)
    return folder


def load(folder: Path) -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(folder)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_are_those_of_the_model_that_was_written(tmp_path: Path, architecture: str, tied: bool):
    tiny = tiny_gguf(architecture, tied=tied)
    model = load(converted(tiny.write(tmp_path / "m.gguf")))
    assert torch.allclose(logits(model, PROMPT), logits(tiny.model, PROMPT), rtol=0, atol=1e-5)
    assert model.config.tie_word_embeddings is tied
    assert model.dtype == torch.float32


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_quantised_weights_are_those_that_transformers_reads(tmp_path: Path, architecture: str):
    tiny = tiny_gguf(architecture)
    tiny.quantise(Kind.Q4_K, Kind.Q5_0, Kind.Q6_K, Kind.Q8_0, Kind.F16)
    path = tiny.write(tmp_path / "m.gguf")
    model = load(converted(path))
    own = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name, dtype=torch.float32)
    weights, expected = model.state_dict(), own.state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in weights)


def test_a_head_that_copies_the_embedding_is_dropped_for_the_finer_of_the_two(tmp_path: Path):
    tiny = tiny_gguf("qwen2")
    tiny.tensors[HEAD] = tiny.tensors["token_embd.weight"]
    tiny.quantised = {"token_embd.weight": Kind.Q4_0, HEAD: Kind.Q8_0}
    model = load(converted(tiny.write(tmp_path / "m.gguf")))
    finer = torch.from_numpy(dequantize(quantised(tiny.tensors[HEAD], Kind.Q8_0), Kind.Q8_0))
    assert model.config.tie_word_embeddings
    assert torch.equal(model.get_input_embeddings().weight, finer)
    assert torch.equal(model.get_output_embeddings().weight, finer)


def test_a_cut_vocabulary_keeps_the_logits_of_the_kept_pieces(tmp_path: Path):
    tiny = tiny_gguf("gemma3")
    folder = converted(tiny.write(tmp_path / "m.gguf"), reach=Reach(ranges=(), max_ascii_run=1))
    record = json.loads((folder / "vocabulary.json").read_text())
    kept, prompt = record["original_ids"], [2, 270, 281, 290]
    assert record["source_size"] == tiny.model.config.vocab_size > len(kept)
    cut = logits(load(folder), [kept.index(token) for token in prompt])
    assert torch.allclose(cut, logits(tiny.model, prompt)[:, kept], rtol=0, atol=1e-5)
    assert len(AutoTokenizer.from_pretrained(folder)) == len(kept)


def test_weights_can_be_written_in_bfloat16(tmp_path: Path):
    tiny = tiny_gguf("qwen2")
    folder = converted(tiny.write(tmp_path / "m.gguf"), dtype=torch.bfloat16)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    weights = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()
    expected = tiny.model.state_dict()
    assert all(torch.equal(weights[name], expected[name].bfloat16().float()) for name in weights)


def test_the_tokenizer_stands_beside_the_weights(tmp_path: Path):
    folder = converted(tiny_gguf("qwen2").write(tmp_path / "m.gguf"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    assert tokenizer.chat_template == CHAT_TEMPLATE
    assert config["eos_token_id"] == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert config["pad_token_id"] == tokenizer.pad_token_id == tokenizer.convert_tokens_to_ids("<|endoftext|>")
    assert tokenizer.bos_token is None  # the file names one and says that it is not used
    text = "the thin 基金 <|im_start|>"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert not (folder / "vocabulary.json").exists()


def change(key: str, value: object):
    return lambda tiny: tiny.metadata.update({key: value})


def remove_tensor(tiny: TinyGguf) -> None:
    del tiny.tensors["blk.1.attn_q.bias"]


def add_tensor(tiny: TinyGguf) -> None:
    tiny.tensors["rope_freqs.weight"] = np.ones(32, np.float32)


def reshape_tensor(tiny: TinyGguf) -> None:
    tiny.tensors["blk.1.attn_q.bias"] = np.ones(128, np.float32)


REFUSED = {
    "architecture": (change("general.architecture", "mamba"), "'mamba', which has no conversion; expected one of"),
    "unknown key": (change("qwen2.rope.scaling.type", "yarn"), r"qwen2\.rope\.scaling\.type is 'yarn'"),
    "head size": (change("qwen2.attention.value_length", 32), r"value_length is 32, expected 64"),
    "tokenizer": (change("tokenizer.ggml.pre", "starcoder"), "gpt2 with starcoder: unknown, expected one of"),
    "token types": (change("tokenizer.ggml.token_type", [1, 1]), "265 tokens, but 2 token types"),
    "special token": (change("tokenizer.ggml.eos_token_id", 9999), "eos_token is 9999 of 265 tokens"),
    "missing tensor": (remove_tensor, r"no tensor blk\.1\.attn_q\.bias"),
    "unknown tensor": (add_tensor, r"unknown tensor rope_freqs\.weight"),
    "shape": (reshape_tensor, r"attn_q\.bias has shape \(128,\), expected \(256,\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_conversion_does_not_know_is_refused(tmp_path: Path, name: str):
    spoil, message = REFUSED[name]
    tiny = tiny_gguf("qwen2")
    spoil(tiny)
    with pytest.raises(ModelError, match=message):
        converted(tiny.write(tmp_path / "m.gguf"))


def test_a_missing_key_is_named(tmp_path: Path):
    tiny = tiny_gguf("llama")
    del tiny.metadata["llama.rope.freq_base"]
    with pytest.raises(ModelError, match=r"no llama\.rope\.freq_base in the metadata"):
        read_config(read_gguf(tiny.write(tmp_path / "m.gguf")))


def test_a_byte_level_vocabulary_is_not_cut(tmp_path: Path):
    with pytest.raises(ModelError, match="byte-level vocabulary, which cannot be cut; remove"):
        converted(tiny_gguf("qwen2").write(tmp_path / "m.gguf"), reach=Reach(ranges=(), max_ascii_run=1))


def test_merges_are_needed_for_a_byte_level_vocabulary(tmp_path: Path):
    tiny = tiny_gguf("qwen2")
    del tiny.metadata["tokenizer.ggml.merges"]
    with pytest.raises(ModelError, match=r"no tokenizer\.ggml\.merges"):
        converted(tiny.write(tmp_path / "m.gguf"))
