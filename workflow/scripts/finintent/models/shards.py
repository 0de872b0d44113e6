"""Original checkpoints: reading their configuration, and rewriting their weights one shard at a time."""

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
BLOCK = 1024  # rows processed at a time, which limits the memory of their copies


class Origin(NamedTuple):
    """A tensor of an original checkpoint.

    Attributes:
        shape: its shape.
        rows: the native tensors that its rows are split into, in order: number of rows by name.
        unit_rows: whether each row is divided by its Euclidean norm.
    """

    shape: tuple[int, ...]
    rows: dict[str, int]
    unit_rows: bool = False


class Architecture(NamedTuple):
    """How one kind of original model is converted to a native one.

    Attributes:
        read_config: folder -> native configuration.
        layout: native configuration -> original tensors by name.
        build_tokenizer: tokenizer.model -> native tokenizer, and the ids that its special tokens must have.
    """

    read_config: Callable[[Path], PreTrainedConfig]
    layout: Callable[[PreTrainedConfig], dict[str, Origin]]
    build_tokenizer: Callable[[Path], tuple[PreTrainedTokenizerFast, dict[str, int]]]


def read_original_config(
    folder: Path, required: Collection[str], flags: Mapping[str, Any], ignored: Collection[str]
) -> dict[str, Any]:
    """Return an original config.json.

    Args:
        folder: holds the file.
        required: keys that must be there.
        flags: optional keys, with the only values that the conversion supports.
        ignored: keys that do not change the results.

    Raises:
        ModelError: a required key is missing, a flag has another value, or a key is unknown, which could change what
            the model computes.
    """
    path = folder / "config.json"
    config = read_json(path)
    if missing := sorted(set(required) - config.keys()):
        raise ModelError(f"{path}: no key {missing[0]}; is this the model that `source` names in the config?")
    if config.get("quantization_config") or config.get("quantization_bit"):
        raise ModelError(f"{path}: the checkpoint is quantised; use the original weights (16 bits a weight)")
    for key, expected in flags.items():
        if config.get(key, expected) != expected:
            raise ModelError(
                f"{path}: {key} is {config[key]!r}, expected {expected!r}; the conversion supports no other model"
            )
    # Keys that any configuration may have do not change the architecture.
    known = {*required, *flags, *ignored, *PreTrainedConfig().to_dict(), "auto_map", "torch_dtype"}
    if unknown := sorted(config.keys() - known):
        raise ModelError(
            f"{path}: unknown key {unknown[0]} ({config[unknown[0]]!r}); the conversion does not know what it changes: "
            "use the revision that config/README.md names"
        )
    return config


def convert_shards(source: Path, target: Path, layout: Mapping[str, Origin]) -> dict[str, Any]:
    """Write the native tensors of an original checkpoint as safetensors shards, and their index.

    Each original shard becomes one native shard. Each tensor keeps its precision, except that float16 becomes bfloat16:
    training computes in bfloat16, and would cast every weight again in each step. One shard is in memory at a time; the
    peak is below three times the largest shard.

    Args:
        source: the original folder.
        target: the folder to write.
        layout: the original tensors by name.

    Returns:
        shards and tensors (numbers), bytes, and dtype, the precision.

    Raises:
        ModelError: a tensor is missing, unknown, not of floating point, or has another shape than in `layout`.
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
    """Return the names of the tensors in each shard; where there are both safetensors and .bin, safetensors."""
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
            f"{source}: unknown tensor {unknown[0]}; expected only those of the original; use its unquantised weights"
        )


class _Safetensors(Mapping):
    """The tensors of a safetensors file, each read on access."""

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
    """Map a shard into memory.

    Raises:
        ModelError: it is missing or damaged.
    """
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
            "and config.json from the same model?"
        )
    if tensor.dtype == torch.float16:
        tensor = _as_bfloat16(tensor)
    if origin.unit_rows:
        tensor = _unit_rows(tensor)
    return dict(zip(origin.rows, tensor.split(list(origin.rows.values())), strict=True))


def _as_bfloat16(tensor: torch.Tensor) -> torch.Tensor:
    """Return a float16 tensor in bfloat16, in the same memory; copies would need half of a shard's size in addition.

    The memory is private to this process, also where a file is mapped into it: the file does not change.
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
