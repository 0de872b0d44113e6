import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from checkpoints import GOLDEN, INDEX, read_shard, write_shard
from finintent.errors import ModelError
from finintent.files import read_json, write_json
from finintent.models.conversion import ARCHITECTURES, convert, convert_weights


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
