"""The GGUF file format."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader, dequantize

from finintent.errors import ModelError
from finintent.models.gguf_file import dequantise, read_gguf
from tiny_gguf import quantised, tiny_gguf


@pytest.mark.parametrize("kind", [Kind.F32, Kind.F16, Kind.BF16, Kind.Q4_0, Kind.Q5_0, Kind.Q8_0, Kind.Q4_K, Kind.Q6_K])
def test_dequantised_in_pieces_and_by_rows(tmp_path: Path, kind: Kind):
    tiny = tiny_gguf("qwen2")
    values = np.random.default_rng(1).normal(size=(700, 512)).astype(np.float32)  # more than one piece
    tiny.tensors["extra.weight"], tiny.quantised["extra.weight"] = values, kind
    tensor = read_gguf(tiny.write(tmp_path / "m.gguf")).tensors["extra.weight"]
    expected = torch.from_numpy(np.array(dequantize(quantised(values, kind), kind)))
    rows = np.array([0, 3, 699])
    assert torch.equal(dequantise(tensor), expected)
    assert torch.equal(dequantise(tensor, rows), expected[rows])


def test_the_file_is_read_as_by_the_gguf_package(tmp_path: Path):
    tiny = tiny_gguf("gemma3")
    tiny.metadata |= {"general.alignment": 64, "general.tags": ["a", "基"], "general.numbers": [1, 2], "general.no": []}
    path = tiny.write(tmp_path / "m.gguf")
    file, reader = read_gguf(path), GGUFReader(path)
    fields = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    assert file.metadata == fields
    assert list(file.tensors) == [tensor.name for tensor in reader.tensors]
    for tensor in reader.tensors:
        assert file.tensors[tensor.name].shape == tuple(reversed(tensor.shape.tolist()))
        assert file.tensors[tensor.name].data.tobytes() == tensor.data.tobytes()


def test_an_unknown_quantisation_is_refused(tmp_path: Path):
    path = tiny_gguf("qwen2").write(tmp_path / "m.gguf")
    data = path.read_bytes()
    place = data.index(b"output_norm.weight") + len("output_norm.weight") + 4 + 8  # after the number of sizes, and one
    for number in (199, Kind.I32):  # none at all, and one that no weights have
        path.write_bytes(data[:place] + int(number).to_bytes(4, "little") + data[place + 4 :])
        with pytest.raises(ModelError, match=f"output_norm.weight has the quantisation {int(number)}, which"):
            read_gguf(path)


def test_a_list_of_texts_that_ends_after_the_file_is_refused(tmp_path: Path):
    tiny = tiny_gguf("qwen2")
    tiny.metadata["general.tags"] = ["first", "the last"]
    path = tiny.write(tmp_path / "m.gguf")
    data = path.read_bytes()
    place = data.index(b"the last")
    path.write_bytes(data[: place + 3])
    with pytest.raises(ModelError, match=f"cut off .a text of 8 bytes at byte {place}.; fetch the file again"):
        read_gguf(path)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float):
    path = tiny_gguf("qwen2").write(tmp_path / "m.gguf")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError, match="cut off"):
        read_gguf(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"PK\x03\x04 no weights", "not a GGUF file"),
        (b"GGUF\x00\x00\x00\x03" + bytes(16), "GGUF version 50331648"),
        (None, "no such file"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes | None, message: str):
    if content is not None:
        (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_gguf(tmp_path / "m.gguf")
