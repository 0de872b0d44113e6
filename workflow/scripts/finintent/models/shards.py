"""Original checkpoints: their configuration and shards, read and rewritten one shard at a time."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from transformers import PreTrainedConfig, PreTrainedTokenizerFast

from finintent.errors import ModelError
from finintent.files import read_json, write_json

INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
RECOMPUTED = ".inv_freq"  # rotary frequencies, which native classes compute themselves
BLOCK = 1024  # rows made unit vectors at a time: it bounds the memory of their float32 copies


class Origin(NamedTuple):
    """A tensor of an original checkpoint.

    shape: its shape; rows: the native tensors that its rows are, one after the other, with the number of rows of
    each; unit_rows: whether each row is divided by its Euclidean norm.
    """

    shape: tuple[int, ...]
    rows: dict[str, int]
    unit_rows: bool = False


class Architecture(NamedTuple):
    """How one kind of original model becomes a native one.

    read_config: folder -> native configuration; layout: native configuration -> original tensors by name;
    build_tokenizer: tokenizer.model -> native tokenizer, and the ids that its special tokens must have.
    """

    read_config: Callable[[Path], PreTrainedConfig]
    layout: Callable[[PreTrainedConfig], dict[str, Origin]]
    build_tokenizer: Callable[[Path], tuple[PreTrainedTokenizerFast, dict[str, int]]]


def read_original_config(
    folder: Path, required: Collection[str], flags: Mapping[str, Any], ignored: Collection[str]
) -> dict[str, Any]:
    """Return an original config.json.

    ModelError when a required key is missing, when a flag (a key that need not be there) has another value than the
    one that the conversion is made for, or when a key is unknown: it could change what the model computes.
    """
    path = folder / "config.json"
    config = read_json(path)
    if missing := sorted(set(required) - config.keys()):
        raise ModelError(f"{path}: no key {missing[0]}; is this the model that the config's `source` says it is?")
    if config.get("quantization_config") or config.get("quantization_bit"):
        raise ModelError(f"{path}: the checkpoint is quantised; take the original weights (16 bits a weight)")
    for key, expected in flags.items():
        if config.get(key, expected) != expected:
            raise ModelError(
                f"{path}: {key} is {config[key]!r}, expected {expected!r}; the conversion knows no other kind of model"
            )
    # What any configuration may hold says nothing about the architecture.
    known = {*required, *flags, *ignored, *PreTrainedConfig().to_dict(), "auto_map", "torch_dtype"}
    if unknown := sorted(config.keys() - known):
        raise ModelError(
            f"{path}: unknown key {unknown[0]} ({config[unknown[0]]!r}); the conversion does not know what it changes: "
            "take the revision that config/README.md names"
        )
    return config


def convert_shards(source: Path, target: Path, layout: Mapping[str, Origin]) -> dict[str, Any]:
    """Write the native tensors of an original checkpoint as safetensors shards, and their index.

    Every original shard becomes one; each tensor keeps its precision, but float16 becomes bfloat16: training computes
    in that, and would cast every weight anew in each step. Holds one shard at a time: the peak is below three times the
    largest. Returns the number of shards and tensors, their bytes and their precision. ModelError when
    a tensor is missing, unknown, of another shape than `layout` says or not of floating point.
    """
    shards = _shards(source)
    _check_names(source, {name for names in shards.values() for name in names}, layout)
    shards = {path: [name for name in names if not name.endswith(RECOMPUTED)] for path, names in shards.items()}
    shards = {path: names for path, names in shards.items() if names}
    weight_map, size, dtypes = {}, 0, set()
    for number, (path, names) in enumerate(shards.items(), start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors" if len(shards) > 1 else SINGLE_FILES[0]
        for name, tensor in _convert_shard(path, names, layout, target / file).items():
            weight_map[name] = file
            size += tensor.nbytes
            dtypes.add(str(tensor.dtype).removeprefix("torch."))
    if len(dtypes) > 1:
        raise ModelError(
            f"{source}: tensors of {' and '.join(sorted(dtypes))}; expected one precision in the checkpoint"
        )
    if len(shards) > 1:
        write_json(target / INDEXES[0], {"metadata": {"total_size": size}, "weight_map": weight_map})
    return {"shards": len(shards), "tensors": len(weight_map), "bytes": size, "dtype": dtypes.pop()}


def _convert_shard(path: Path, names: list[str], layout: Mapping[str, Origin], output: Path) -> dict[str, torch.Tensor]:
    """Write one shard's native tensors; return them without their data (on the device "meta")."""
    tensors = _open_shard(path)
    native: dict[str, torch.Tensor] = {}
    for name in names:
        if name not in tensors:
            raise ModelError(f"{path}: no tensor {name}, which the index puts here; download the file again")
        native |= _native_tensors(path, name, tensors[name], layout[name])
    save_file(native, output, metadata={"format": "pt"})
    return {name: tensor.to("meta") for name, tensor in native.items()}


def _shards(folder: Path) -> dict[Path, list[str]]:
    """Return the names of the tensors in each shard, safetensors rather than .bin where both are there."""
    for index, single in zip(INDEXES, SINGLE_FILES, strict=True):
        if (folder / index).is_file():
            weight_map = read_json(folder / index)["weight_map"]
            files = {
                file: [name for name, where in weight_map.items() if where == file] for file in weight_map.values()
            }
            return {folder / file: names for file, names in sorted(files.items())}
        if (folder / single).is_file():
            return {folder / single: list(_open_shard(folder / single))}
    raise ModelError(f"{folder}: none of {', '.join((*INDEXES, *SINGLE_FILES))}; download the weights")


def _check_names(source: Path, names: set[str], layout: Mapping[str, Origin]) -> None:
    if missing := sorted(layout.keys() - names):
        raise ModelError(
            f"{source}: {len(missing)} tensors are missing, such as {missing[0]}; download the weights again"
        )
    unknown = sorted(name for name in names - layout.keys() if not name.endswith(RECOMPUTED))
    if unknown:
        raise ModelError(
            f"{source}: unknown tensor {unknown[0]}; expected only those of the original; take its unquantised weights"
        )


class _Safetensors(Mapping):
    """The tensors of a safetensors file, read when asked for."""

    def __init__(self, path: Path) -> None:
        self._file = safe_open(path, framework="pt")
        self._names = set(self._file.keys())

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> torch.Tensor:
        return self._file.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _open_shard(path: Path) -> Mapping[str, torch.Tensor]:
    """Map a shard into memory; ModelError when it is missing or damaged."""
    try:
        if path.suffix == ".bin":
            return torch.load(path, map_location="cpu", mmap=True, weights_only=True)
        return _Safetensors(path)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file, though the index names it; download it") from None
    except (SafetensorError, UnpicklingError, RuntimeError) as error:
        raise ModelError(f"{path}: not a readable shard ({str(error).splitlines()[0]}); download it again") from None


def _native_tensors(path: Path, name: str, tensor: torch.Tensor, origin: Origin) -> dict[str, torch.Tensor]:
    if not tensor.is_floating_point():
        raise ModelError(f"{path}: {name} is {tensor.dtype}; expected floating point: the checkpoint is quantised")
    if tuple(tensor.shape) != origin.shape:
        raise ModelError(
            f"{path}: {name} has shape {tuple(tensor.shape)}, expected {origin.shape} by config.json; are the weights "
            "and config.json of one model?"
        )
    if tensor.dtype == torch.float16:
        tensor = _as_bfloat16(tensor)
    if origin.unit_rows:
        tensor = _unit_rows(tensor)
    return dict(zip(origin.rows, tensor.split(list(origin.rows.values())), strict=True))


def _as_bfloat16(tensor: torch.Tensor) -> torch.Tensor:
    """Return a float16 tensor in bfloat16, in the same memory: a copy of each would make a shard half as large again.

    The memory is this process's own, also where a file is mapped into it: the file stays as it is.
    """
    result = tensor.view(torch.bfloat16)
    for source, target in zip(tensor.split(BLOCK), result.split(BLOCK), strict=True):
        target.copy_(source.clone())
    return result


def _unit_rows(tensor: torch.Tensor) -> torch.Tensor:
    """Return a matrix with every row divided by its norm, computed in float32 and rounded to the matrix's precision."""
    result = torch.empty_like(tensor)
    for source, target in zip(tensor.split(BLOCK), result.split(BLOCK), strict=True):
        target.copy_(torch.nn.functional.normalize(source.float()))
    return result
