"""The GGUF file format: metadata, and tensors that stay in the file until they are dequantised.

The reader of the `gguf` package makes an array for each of a vocabulary's hundreds of thousands of strings, which takes
8 to 15 seconds; this one takes less than one. Quantisations themselves are left to that package.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType, dequantize

from finintent.errors import ModelError

MAGIC, VERSIONS = b"GGUF", (2, 3)
ALIGNMENT = 32  # bytes, where general.alignment does not say otherwise
CODES = {  # of the modules struct and numpy
    GGUFValueType.UINT8: "B",
    GGUFValueType.INT8: "b",
    GGUFValueType.UINT16: "H",
    GGUFValueType.INT16: "h",
    GGUFValueType.UINT32: "I",
    GGUFValueType.INT32: "i",
    GGUFValueType.FLOAT32: "f",
    GGUFValueType.BOOL: "?",
    GGUFValueType.UINT64: "Q",
    GGUFValueType.INT64: "q",
    GGUFValueType.FLOAT64: "d",
}
CHUNK = 2**17  # weights dequantised at a time: intermediate arrays stay in the processor's cache


class Tensor(NamedTuple):
    """A tensor of a GGUF file.

    shape: as PyTorch orders it, the rows first; kind: its quantisation; data: its bytes, one row of the array a row.
    """

    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    data: np.ndarray

    @property
    def bits(self) -> float:
        """Bits a weight."""
        weights, size = GGML_QUANT_SIZES[self.kind]
        return 8 * size / weights


@dataclass(frozen=True)
class GgufFile:
    """A GGUF file's metadata and tensors, by their names in the file."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, Tensor]

    def need(self, key: str) -> Any:
        """Return a value of the metadata; ModelError when it is missing."""
        if key not in self.metadata:
            raise ModelError(f"{self.path}: no {key} in the metadata; expected the GGUF file of a language model")
        return self.metadata[key]


def read_gguf(path: Path) -> GgufFile:
    """Read the metadata of a GGUF file and map its tensors into memory.

    Raises:
        ModelError: the file is missing, no GGUF file of a known version, truncated, or has a tensor of a quantisation
            that the `gguf` package does not know.
    """
    try:
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:  # ValueError: an empty file
        raise ModelError(f"{path}: cannot be read ({error}); expected a GGUF file") from None
    if data[:4] != MAGIC:
        raise ModelError(f"{path}: not a GGUF file, which begins with {MAGIC.decode()}; check the source")
    cursor = _Cursor(data, len(MAGIC))
    try:
        if (version := cursor.number("I")) not in VERSIONS:
            raise ModelError(f"{path}: GGUF version {version}, expected 2 or 3 in little-endian order")
        tensor_count, key_count = cursor.number("Q"), cursor.number("Q")
        metadata = {cursor.text(): cursor.value(GGUFValueType(cursor.number("I"))) for _ in range(key_count)}
        tensors = _map_tensors(path, cursor, tensor_count, metadata.get("general.alignment", ALIGNMENT))
    except (struct.error, ValueError) as error:  # UnicodeDecodeError is a ValueError
        raise ModelError(f"{path}: its header is damaged or cut off ({error}); fetch the file again") from None
    return GgufFile(path, metadata, tensors)


def dequantise(tensor: Tensor, rows: np.ndarray | None = None) -> torch.Tensor:
    """Return the float32 values of a tensor, or of those of its rows.

    Quantisation works on blocks that lie one after the other in a row, so the rows can be cut anywhere between blocks:
    pieces of one size are 1.5 times as fast as the groups of 16 rows in which the package works.
    """
    data = tensor.data if rows is None else tensor.data[rows]
    shape = tensor.shape if rows is None else (len(rows), *tensor.shape[1:])
    weights, size = GGML_QUANT_SIZES[tensor.kind]
    blocks = data.reshape(-1, size)
    step = max(CHUNK // weights, 1)
    result = np.empty((len(blocks), weights), np.float32)
    for start in range(0, len(blocks), step):
        piece = blocks[start : start + step]
        result[start : start + step] = dequantize(piece.reshape(1, -1), tensor.kind).reshape(len(piece), weights)
    return torch.from_numpy(result.reshape(shape))


def _map_tensors(path: Path, cursor: "_Cursor", count: int, alignment: int) -> dict[str, Tensor]:
    entries = []
    for _ in range(count):
        name = cursor.text()
        dimensions = [cursor.number("Q") for _ in range(cursor.number("I"))]
        entries.append((name, dimensions[::-1], cursor.number("I"), cursor.number("Q")))
    start = -(-cursor.offset // alignment) * alignment
    tensors = {}
    for name, shape, number, offset in entries:
        kind = _quantisation(path, name, number)
        weights, size = GGML_QUANT_SIZES[kind]
        rows, row = int(np.prod(shape[:-1])), shape[-1] // weights * size
        end = start + offset + rows * row
        if end > len(cursor.data):
            raise ModelError(
                f"{path}: {len(cursor.data)} bytes, but {name} ends at byte {end}: the file is cut off; fetch it again"
            )
        data = np.frombuffer(cursor.data, np.uint8, rows * row, start + offset).reshape(rows, row)
        tensors[name] = Tensor(tuple(shape), kind, data)
    return tensors


def _quantisation(path: Path, name: str, number: int) -> GGMLQuantizationType:
    """Return a tensor's quantisation; ModelError where the package cannot undo it."""
    try:
        kind = GGMLQuantizationType(number)
        dequantize(np.zeros((1, GGML_QUANT_SIZES[kind][1]), np.uint8), kind)
    except (ValueError, NotImplementedError):
        raise ModelError(
            f"{path}: {name} has the quantisation {number}, which the installed gguf package cannot undo; take a file "
            "of another one, such as Q4_K_M or Q8_0"
        ) from None
    return kind


@dataclass
class _Cursor:
    """A place in a file's header that moves on as values are read."""

    data: mmap.mmap
    offset: int

    def number(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.offset)
        self.offset += struct.calcsize(f"<{code}")
        return value

    def text(self) -> str:
        return self.texts(1)[0]

    def value(self, kind: GGUFValueType) -> Any:
        if kind == GGUFValueType.STRING:
            return self.text()
        if kind != GGUFValueType.ARRAY:
            return self.number(CODES[kind])
        kind, length = GGUFValueType(self.number("I")), self.number("Q")
        if kind in CODES:
            values = np.frombuffer(self.data, f"<{CODES[kind]}", length, self.offset)
            self.offset += values.nbytes
            return values.tolist()
        return self.texts(length) if kind == GGUFValueType.STRING else [self.value(kind) for _ in range(length)]

    def texts(self, count: int) -> list[str]:
        """Return the next `count` texts. A vocabulary has 262,144, so the loop calls no method of this class."""
        data, size, read_length = self.data, len(self.data), struct.Struct("<Q").unpack_from
        texts = []
        end = self.offset
        for _ in range(count):
            (length,) = read_length(data, end)
            start, end = end + 8, end + 8 + length
            if end > size:
                raise struct.error(f"a text of {length} bytes at byte {start}")
            texts.append(data[start:end].decode())
        self.offset = end
        return texts
