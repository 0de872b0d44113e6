"""The check of a model folder: each way in which a folder is incomplete or damaged is one sentence with the way out."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from finintent.errors import FinintentError, ModelError
from finintent.models.folder import adapter_files
from finintent.models.folder_check import check_files, check_folder
from finintent.models.weights import loading, stored_tensors, weight_files
from tiny import write_tiny_model

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 14483464192\n"
SECOND = "model-00002-of-00002.safetensors"
UP = "model.layers.0.mlp.up_proj.weight"


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("original"))


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "model")


def weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return edit


def config(**values) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "config.json"
        merged = json.loads(path.read_text()) | values
        path.write_text(json.dumps({key: value for key, value in merged.items() if value is not None}))

    return edit


def shards(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    names, weight_map = sorted(tensors), {}
    for number, part in enumerate((names[:10], names[10:]), start=1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (folder / "model.safetensors").unlink()


def sharded(change: Callable[[Path], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        shards(folder)
        change(folder)

    return edit


def write(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text)


def delete(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def link_to_nothing(folder: Path) -> None:
    (folder / SECOND).unlink()
    (folder / SECOND).symlink_to(folder / "blobs/gone")


def drop_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / SECOND)
    tensors.pop("model.norm.weight")
    save_file(tensors, folder / SECOND)


def bin_alone(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def adapter_alone(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "adapter_config.json").write_text("{}")


def set_value(value: float) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors[UP][-1, -1] = value

    return change


FAULTS = {
    "pointer": (write("model.safetensors", POINTER), r"model.safetensors: a Git LFS pointer.*git lfs pull"),
    "one pointer": (sharded(write(SECOND, POINTER)), rf"{SECOND}: a Git LFS pointer"),
    "pointer for a tokenizer": (write("tokenizer.json", POINTER), r"tokenizer.json: a Git LFS pointer, not the file"),
    "empty": (write("model.safetensors", ""), r"model.safetensors: empty; copy or download it again"),
    "cut": (cut, r"model.safetensors: cut short: \d+ bytes, expected \d+ by its header; copy"),
    "a web page": (write("model.safetensors", "<!DOCTYPE html><html></html>"), r"no safetensors file, or cut short"),
    "no header": (lambda folder: (folder / "model.safetensors").write_bytes(b"\x02" + bytes(7) + b"[]"), "header"),
    "missing shard": (sharded(delete(SECOND)), rf"{SECOND}: no such file, although .*index.json puts 11 tensors"),
    "broken link": (sharded(link_to_nothing), rf"{SECOND}: a link to a file that is gone"),
    "shards without index": (
        sharded(delete("model.safetensors.index.json")),
        r"2 shards without model.safetensors.ind",
    ),
    "broken index": (sharded(write("model.safetensors.index.json", "{}")), r"index.json: no weight_map"),
    "shard of another version": (sharded(drop_a_tensor), rf"{SECOND}: no tensor model.norm.weight, which .* puts"),
    "wrong shape": (
        weights(lambda tensors: tensors.update({UP: torch.ones(3, 3)})),
        rf"model.safetensors: {UP} has the shape \(3, 3\), expected \(64, 32\) by config.json \(1 tensors differ\)",
    ),
    "wrong config": (config(hidden_size=64), r"has the shape .*expected .*take config.json and weights from one model"),
    "missing tensor": (
        weights(lambda tensors: tensors.pop("model.norm.weight")),
        r"1 tensors of LlamaForCausalLM are missing, such as model.norm.weight; the download is incomplete",
    ),
    "too few layers": (config(num_hidden_layers=3), r"9 tensors of LlamaForCausalLM are missing"),
    "quantised by config": (config(quantization_config={"quant_method": "gptq"}), r"config.json: a quantised model"),
    "quantised by weights": (
        weights(lambda tensors: tensors.update({UP: tensors[UP].to(torch.int8)})),
        r"is stored as I8, expected floating point.*give the unquantised one",
    ),
    "not a number": (weights(set_value(float("nan"))), rf"model.safetensors: {UP} holds numbers that are NaN"),
    "infinite": (weights(set_value(float("inf"))), rf"{UP} holds numbers that are NaN or infinite"),
    "adapter": (adapter_alone, r"model: an adapter \(adapter_config.json\) without the model's weights; merge it"),
    ".bin alone": (bin_alone, r"no safetensors among .*pytorch_model.bin.*save_pretrained"),
    "no weights": (delete("model.safetensors"), r"no safetensors among config.json.*expected model.safetensors"),
    "no tokenizer": (delete("tokenizer.json"), r"model: no tokenizer \(tokenizer.json, "),
    "no tokenizer_config": (delete("tokenizer_config.json"), r"tokenizer_config.json: no such file; copy"),
    "broken tokenizer": (
        write("tokenizer.json", "{}"),
        r"model: the tokenizer cannot be loaded \(.*tokenizer.json and",
    ),
    "tokenizer that is no JSON": (write("tokenizer.json", "{"), r"model: the tokenizer cannot be loaded"),
    "tokenizer of another model": (config(vocab_size=100), r"has the shape|the tokenizer has \d+ tokens"),
    "broken chat template": (
        write("chat_template.jinja", "{% if %}"),
        r"chat_template.jinja: the chat template is not",
    ),
    "no dtype": (config(dtype=None), r"config.json: dtype \(or torch_dtype\) is None, expected one of float32"),
    "odd dtype": (config(dtype="bf16"), r"config.json: dtype \(or torch_dtype\) is 'bf16', expected one of float32"),
    "no model type": (config(model_type=None), r"config.json: no key model_type"),
    "unknown model type": (config(model_type="llama9"), r"config.json: transformers makes no causal language model"),
    "authors' code": (
        config(model_type="chatglm", auto_map={"AutoConfig": "x.Y"}),
        r"config.json: the model type 'chatglm' needs its authors' code, which is never run; ChatGLM3 and Baichuan2",
    ),
    "impossible sizes": (config(num_attention_heads=5), r"config.json: transformers makes no|has the shape"),
    "config that is no JSON": (write("config.json", "{"), r"config.json: not JSON"),
    "config that is a list": (write("config.json", "[]"), r"config.json: no key model_type"),
    "broken generation config": (write("generation_config.json", "{"), r"generation_config.json: transformers cannot"),
    "tied, but different": (
        config(tie_word_embeddings=True),
        r"tie_word_embeddings takes lm_head.weight and model.emb",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence_that_names_the_file(folder: Path, name: str):
    edit, expected = FAULTS[name]
    edit(folder)
    with pytest.raises(FinintentError, match=expected) as caught:
        check_folder(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["pointer", "pointer for a tokenizer", "cut", "missing shard", "not a number"])
def test_files_of_any_model_are_checked_without_its_class(folder: Path, name: str):
    config(model_type="bert")(folder)
    check_files(folder)
    edit, expected = FAULTS[name]
    edit(folder)
    with pytest.raises(ModelError, match=expected):
        check_files(folder)


def consolidated(folder: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")


def rotary_frequencies(tensors: dict[str, torch.Tensor]) -> None:
    for layer in (0, 1):
        tensors[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = torch.ones(8)


def tied_and_stored(folder: Path) -> None:
    weights(lambda tensors: tensors.update({"lm_head.weight": tensors["model.embed_tokens.weight"].clone()}))(folder)
    config(tie_word_embeddings=True)(folder)


def old_adapter(folder: Path) -> None:
    save_file({"base_model.model.lora_A.weight": torch.zeros(4, 32)}, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text("{}")


SOUND = {
    "as written": (lambda folder: None, ""),
    "in shards": (shards, ""),
    "weights twice": (consolidated, "not used, as the model is loaded without: consolidated.safetensors"),
    "rotary frequencies": (
        weights(rotary_frequencies),
        "LlamaForCausalLM does not load 2 of the stored tensors, such as model.layers.0.self_attn.rotary_emb.inv_freq",
    ),
    "a tensor of nothing": (weights(lambda tensors: tensors.update(odd=torch.ones(1))), "such as odd; merged models"),
    "tied, and the head stored": (tied_and_stored, ""),
    "an earlier adapter": (old_adapter, "an adapter's, and not used: adapter_config.json"),
    "stored in another precision": (
        config(dtype="bfloat16"),
        "stored in float32, but config.json names bfloat16, in which merged models are written",
    ),
    "norms in another precision": (
        weights(lambda tensors: tensors.update({UP: tensors[UP].bfloat16()})),
        "stored in bfloat16 and float32, but config.json names float32",
    ),
    "a file that was filled with zeros": (
        weights(lambda tensors: tensors[UP].zero_()),
        f"1 matrices hold zeros alone, such as {UP} in model.safetensors; was its download finished?",
    ),
    "sampling of a chat model": (
        write("generation_config.json", '{"do_sample": false, "temperature": 0.9, "num_beams": 4, "max_length": 20}'),
        "",
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_folder_passes_and_what_lies_beside_is_told(folder: Path, name: str, caplog):
    edit, expected = SOUND[name]
    edit(folder)
    with caplog.at_level(logging.INFO, logger="finintent"):
        check_folder(folder)
    told = [record.message for record in caplog.records if record.name.startswith("finintent")]
    assert len(told) == bool(expected)
    assert expected in "".join(told)


def test_a_large_tensor_is_read_in_parts(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("finintent.models.folder_check.WHOLE", 100)
    monkeypatch.setattr("finintent.models.folder_check.BLOCK", 16)
    check_folder(folder)
    weights(set_value(float("nan")))(folder)  # in its last block
    with pytest.raises(ModelError, match="NaN"):
        check_folder(folder)


def test_a_file_that_may_not_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("finintent.models.folder_check.stored_tensors", refuse)
    with pytest.raises(ModelError, match=r"model: cannot be read \(Permission denied\)"):
        check_folder(folder)


def test_names_without_the_base_models_prefix_are_those_of_the_class(folder: Path):
    weights(
        lambda tensors: [
            tensors.update({name.removeprefix("model."): tensors.pop(name)})
            for name in list(tensors)
            if name.startswith("model.")
        ]
    )(folder)
    found = loading(folder, stored_tensors(folder))
    assert found.names["model.norm.weight"] == "norm.weight"
    assert (found.missing, found.unexpected) == ([], [])


def test_the_files_that_transformers_loads_and_an_adapters_are_told_apart(folder: Path):
    old_adapter(folder)
    consolidated(folder)
    assert [path.name for path in weight_files(folder)] == ["model.safetensors"]
    assert [path.name for path in adapter_files(folder)] == ["adapter_config.json", "adapter_model.safetensors"]
