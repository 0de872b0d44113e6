import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from architectures import real_tokenizer
from finintent.errors import ModelError
from finintent.files import read_json, write_json
from finintent.models.conversion import ARCHITECTURES, convert, convert_tokenizer, convert_weights
from finintent.models.sentencepiece import read_sentencepiece
from tiny import ROOT

GOLDEN = ROOT / "tests/golden"
KINDS = tuple(ARCHITECTURES)
INDEX = {"chatglm3": "pytorch_model.bin.index.json", "baichuan2": "model.safetensors.index.json"}


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


@pytest.fixture(params=KINDS)
def original(request, tmp_path):
    """The kind and a copy of a golden checkpoint, to spoil."""
    shutil.copytree(GOLDEN / request.param / "original", tmp_path / "original")
    return request.param, tmp_path / "original"


def read_shard(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path) if path.suffix == ".bin" else load_file(path)


def write_shard(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    (torch.save if path.suffix == ".bin" else save_file)(tensors, path)


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


def test_the_other_format_gives_the_same_files(original, tmp_path):
    kind, folder = original
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "config.json", other)
    index = read_json(folder / INDEX[kind])
    suffixes = (".bin", ".safetensors") if kind == "chatglm3" else (".safetensors", ".bin")
    for file in set(index["weight_map"].values()):
        write_shard(other / file.replace(*suffixes), read_shard(folder / file))
    index["weight_map"] = {name: file.replace(*suffixes) for name, file in index["weight_map"].items()}
    write_json(other / next(name for name in INDEX.values() if name != INDEX[kind]), index)
    for source, target in ((folder, tmp_path / "a"), (other, tmp_path / "b")):
        target.mkdir()
        convert_weights(kind, source, target)
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert sorted(files)[:2] == ["config.json", "generation_config.json"]


@pytest.mark.parametrize(
    ("given", "dtype"),
    [(torch.bfloat16, torch.bfloat16), (torch.float32, torch.float32), (torch.float16, torch.bfloat16)],
)
def test_precision_is_kept_but_for_float16(original, tmp_path, given: torch.dtype, dtype: torch.dtype):
    kind, folder = original
    for path in (*folder.glob("*.bin"), *folder.glob("*.safetensors")):
        write_shard(path, {name: tensor.to(given) for name, tensor in read_shard(path).items()})
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / "native").mkdir()
    record = convert_weights(kind, folder, tmp_path / "native")
    name = str(dtype).removeprefix("torch.")
    assert record["dtype"] == read_json(tmp_path / "native/config.json")["dtype"] == name
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files  # what is read stays as it is
    tensors = [tensor for path in (tmp_path / "native").glob("*.safetensors") for tensor in load_file(path).values()]
    matrix = next(
        tensor
        for path in folder.glob("*.*")
        if path.suffix in (".bin", ".safetensors")
        for name, tensor in read_shard(path).items()
        if "o_proj" in name or "dense.weight" in name
    )
    assert any(tensor.shape == matrix.shape and torch.equal(tensor, matrix.to(dtype)) for tensor in tensors)
    assert {tensor.dtype for tensor in tensors} == {dtype}
    assert (record["tensors"], record["bytes"]) == (len(tensors), sum(tensor.nbytes for tensor in tensors))


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


def test_rope_ratio_scales_the_base_of_chatglm3(tmp_path):
    config = read_json(GOLDEN / "chatglm3/original/config.json")
    write_json(tmp_path / "config.json", config | {"rope_ratio": 50})
    assert ARCHITECTURES["chatglm3"].read_config(tmp_path).rope_parameters["rope_theta"] == 500000


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


def drop(tensors: dict, name: str) -> dict:
    return {key: tensor for key, tensor in tensors.items() if key != name}


DAMAGES = {
    "a tensor less": (drop, True, "1 tensors are missing, such as {name}"),
    "a tensor less than the index says": (drop, False, "no tensor {name}, which the index puts here"),
    "a tensor more": (lambda tensors, _: tensors | {"odd": torch.ones(1)}, True, "unknown tensor odd"),
    "a wrong shape": (lambda tensors, name: tensors | {name: tensors[name][1:].clone()}, False, "{name} has shape"),
    "integers": (lambda tensors, name: tensors | {name: tensors[name].to(torch.int8)}, False, "{name} is torch.int8"),
    "two precisions": (
        lambda tensors, name: tensors | {name: tensors[name].bfloat16()},
        False,
        "tensors of bfloat16 and float32",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_weights_are_refused(original, tmp_path, damage: str):
    kind, folder = original
    change, indexed, message = DAMAGES[damage]
    index = read_json(folder / INDEX[kind])
    name = next(name for name in index["weight_map"] if "layers.1.input_layernorm" in name)
    path = folder / index["weight_map"][name]
    tensors = change(read_shard(path), name)
    write_shard(path, tensors)
    if indexed:
        others = {key: file for key, file in index["weight_map"].items() if file != path.name}
        write_json(folder / INDEX[kind], {"weight_map": others | dict.fromkeys(tensors, path.name)})
    (tmp_path / "native").mkdir()
    with pytest.raises(ModelError, match=message.format(name=name)):
        convert_weights(kind, folder, tmp_path / "native")


def test_missing_and_unreadable_files_are_named(original, tmp_path):
    kind, folder = original
    shard = sorted(path for path in folder.iterdir() if path.suffix in (".bin", ".safetensors"))[1]
    (tmp_path / "native").mkdir()
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(ModelError, match=f"{shard.name}: not a readable shard"):
        convert_weights(kind, folder, tmp_path / "native")
    shard.unlink()
    with pytest.raises(ModelError, match=f"{shard.name}: no such file"):
        convert_weights(kind, folder, tmp_path / "native")
    (folder / INDEX[kind]).unlink()
    with pytest.raises(ModelError, match=r"none of .* download the weights"):
        convert_weights(kind, folder, tmp_path / "native")
    with pytest.raises(ModelError, match=r"tokenizer\.model: no such file"):
        convert(kind, folder, tmp_path / "native2")


def test_a_folder_with_files_is_not_converted_into(original):
    kind, folder = original
    with pytest.raises(ModelError, match=r"already holds config\.json"):
        convert(kind, folder, folder)


# A process's own peak: ru_maxrss would be that of the test run, which a child process inherits.
MEASURE = """
import re, sys
from pathlib import Path
from finintent.models.conversion import convert_weights
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
before = peak()
convert_weights("baichuan2", Path(sys.argv[1]), Path(sys.argv[2]))
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("suffix", [".bin", ".safetensors"])
def test_memory_is_bounded_by_the_largest_shard(tmp_path, suffix: str):
    config = read_json(GOLDEN / "baichuan2/original/config.json")
    config |= {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 14, "vocab_size": 24576}
    source, target = tmp_path / "original", tmp_path / "native"
    for folder in (source, target):
        folder.mkdir()
    write_json(source / "config.json", config)
    layout = ARCHITECTURES["baichuan2"].layout(ARCHITECTURES["baichuan2"].read_config(source))
    shards: dict[str, dict[str, torch.Tensor]] = {}
    for name, origin in layout.items():
        layer = int(name.split(".")[2]) // 2 if ".layers." in name else name
        shards.setdefault(f"{layer}{suffix}", {})[name] = torch.ones(origin.shape, dtype=torch.float16)
    for file, tensors in shards.items():
        write_shard(source / file, tensors)
    index = {name: file for file, tensors in shards.items() for name in tensors}
    write_json(
        source / ("pytorch_model.bin.index.json" if suffix == ".bin" else "model.safetensors.index.json"),
        {"weight_map": index},
    )
    del shards
    sizes = [path.stat().st_size for path in source.glob(f"*{suffix}")]
    assert sum(sizes) > 6 * max(sizes)  # otherwise the bound is trivial
    command = [sys.executable, "-c", MEASURE, str(source), str(target)]
    peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"{peak / max(sizes):.2f} x the largest shard of {max(sizes) / 1e6:.0f} MB, {len(sizes)} shards")
    assert 0.2 * max(sizes) < peak < 3 * max(sizes)


# ---- Tokenizers ----


@cache
def processor(folder: Path) -> SentencePieceProcessor:
    return SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))


def sentencepiece_ids(folder: Path, text: str) -> list[int]:
    return processor(folder).encode(text)


@pytest.fixture(scope="module", params=[True, False], ids=["dummy_prefix", "no_dummy_prefix"])
def small(request, tmp_path_factory):
    """A sentencepiece model trained on a few lines, in the manner of one of the two originals."""
    folder = tmp_path_factory.mktemp("sentencepiece")
    queries = read_json(ROOT / "resources/intent_understanding/eval.json")
    text = [row["question"] for row in queries] + ["people who study philosophy", "a  b\tc"]
    SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=1800,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=request.param,
        user_defined_symbols=[] if request.param else ["<reserved_106>", "<reserved_107>", "\n", "+", "..."],
        minloglevel=2,
    )
    return folder, ARCHITECTURES["chatglm3" if request.param else "baichuan2"].build_tokenizer(
        folder / "tokenizer.model"
    )[0]


SNIPPETS = [*"基金股票怎么买吗问询 \n\tABab+.<>/s▁é🀄ก", "  ", "people", "...", "<|user|>", "<reserved_106>", "sop"]
TEXTS = st.lists(st.sampled_from(SNIPPETS), max_size=20).map("".join) | st.text(max_size=40)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_ids_are_those_of_sentencepiece(small, text: str):
    folder, tokenizer = small
    assume(tokenizer.split_special_tokens or not any(token in text for token in ("<s>", "</s>", "<unk>")))
    assert tokenizer.encode(text, add_special_tokens=False) == sentencepiece_ids(folder, text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_tokenizer_is_refused(tmp_path, kind: str):
    shutil.copy(GOLDEN / kind / "original/config.json", tmp_path)
    (tmp_path / "tokenizer.model").write_text("no model")
    with pytest.raises(ModelError, match="not a sentencepiece model"):
        convert_tokenizer(kind, tmp_path, tmp_path)
    SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c"]), model_prefix=str(tmp_path / "tokenizer"), vocab_size=7, minloglevel=2
    )
    with pytest.raises(ModelError, match=r"model_type is 1, expected 2"):
        convert_tokenizer(kind, tmp_path, tmp_path)


def test_more_tokens_than_embeddings_are_refused(small, tmp_path):
    shutil.copy(small[0] / "tokenizer.model", tmp_path)
    prefix = read_sentencepiece(tmp_path / "tokenizer.model").dummy_prefix
    kind = "chatglm3" if prefix else "baichuan2"
    shutil.copy(GOLDEN / kind / "original/config.json", tmp_path)
    with pytest.raises(ModelError, match="embedding of 512 rows"):
        convert_tokenizer(kind, tmp_path, tmp_path / "native")


@pytest.fixture(scope="module", params=KINDS)
def real(request, tmp_path_factory) -> tuple[str, PreTrainedTokenizerBase, Path]:
    """The kind, the converted real tokenizer as AutoTokenizer reads it, and its folder."""
    folder = tmp_path_factory.mktemp("tokenizer")
    convert_tokenizer(request.param, real_tokenizer(request.param), folder)
    return request.param, AutoTokenizer.from_pretrained(folder), folder


def test_ids_are_those_of_the_original_tokenizer(real):
    kind, tokenizer, _ = real
    rows = json.loads((GOLDEN / kind / "tokenizer_reference.json").read_text(encoding="utf-8"))["texts"]
    assert len(rows) == 17
    for row in rows:
        ids = tokenizer.encode(row["text"], add_special_tokens=False)
        assert (row["text"], ids) == (row["text"], row["ids"])
        assert tokenizer.decode(ids) == row["text"]


def test_ids_of_special_tokens(real):
    kind, tokenizer, folder = real
    expected = {
        "chatglm3": {"[MASK]": 64789, "[gMASK]": 64790, "[sMASK]": 64791, "sop": 64792, "eop": 64793,
                     "<|system|>": 64794, "<|user|>": 64795, "<|assistant|>": 64796, "<|observation|>": 64797},
        "baichuan2": {"<reserved_106>": 195, "<reserved_107>": 196},
    }[kind]  # fmt: skip
    assert tokenizer.convert_tokens_to_ids(list(expected)) == list(expected.values())
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id) == (2, 0, 0)
    assert not [path.name for path in folder.iterdir() if path.suffix in (".model", ".py")]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_random_texts_are_encoded_as_by_sentencepiece(real, text: str):
    kind, tokenizer, _ = real
    assume(tokenizer.split_special_tokens or not any(token in text for token in ("<s>", "</s>", "<unk>")))
    assert tokenizer.encode(text, add_special_tokens=False) == sentencepiece_ids(real_tokenizer(kind), text)
