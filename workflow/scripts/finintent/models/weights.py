"""The tensors of a model folder by the headers of its safetensors files, and which of them the model's class loads."""

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from finintent.errors import ModelError
from finintent.files import read_json

SINGLE_FILE, INDEX = "model.safetensors", "model.safetensors.index.json"
LFS_POINTER = b"version https://git-lfs"  # what a clone holds in place of a file where Git LFS is not installed
AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Stored:
    """A tensor in a safetensors file: its file, name, dtype ("BF16"), shape, and the file's bytes from start to end."""

    path: Path
    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Loading:
    """What transformers' class for causal language models makes of stored tensors.

    Attributes:
        class_name: of the class.
        names: stored names by the names that the class gives them.
        missing: names of the class that nothing is stored for.
        unexpected: stored names that the class does not load.
        mismatched: (name, stored shape, shape by config.json) of each tensor of another shape.
        tied: pairs of stored names that the class takes for one tensor.
    """

    class_name: str
    names: dict[str, str]
    missing: list[str]
    unexpected: list[str]
    mismatched: list[tuple[str, tuple[int, ...], tuple[int, ...]]]
    tied: list[tuple[str, str]]


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files that transformers loads from a folder.

    Raises:
        ModelError: there are none, or one that the index names is missing.
    """
    if (folder / SINGLE_FILE).is_file():
        return [folder / SINGLE_FILE]
    if (folder / INDEX).is_file():
        weight_map = _weight_map(folder / INDEX)
        files = sorted(folder / name for name in set(weight_map.values()))
        if missing := [path for path in files if not path.is_file()]:
            tensors = [name for name, file in weight_map.items() if file == missing[0].name]
            found = "a link to a file that is gone" if missing[0].is_symlink() else "no such file"
            raise ModelError(
                f"{missing[0]}: {found}, although {INDEX} puts {len(tensors)} tensors there; {AGAIN}"
                + (f" ({len(missing)} of {len(files)} shards are missing)" if len(missing) > 1 else "")
            )
        return files
    raise ModelError(_no_weights(folder))


def stored_tensors(folder: Path) -> dict[str, Stored]:
    """Return the tensors of the files that transformers loads from a folder, by name, without reading them.

    Raises:
        ModelError: a file is missing, cut short or not a safetensors file, or the index does not fit the files.
    """
    tensors = {name: stored for path in weight_files(folder) for name, stored in read_header(path).items()}
    if not (folder / SINGLE_FILE).is_file():
        for name, file in _weight_map(folder / INDEX).items():
            if name not in tensors:
                raise ModelError(
                    f"{folder / file}: no tensor {name}, which {INDEX} puts there; download all shards and the index "
                    "from one revision"
                )
    return tensors


def read_header(path: Path) -> dict[str, Stored]:
    """Return the tensors of a safetensors file by name.

    Raises:
        ModelError: the file is a Git LFS pointer, empty, cut short or no safetensors file.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        beginning = file.read(len(LFS_POINTER))
        if beginning == LFS_POINTER:
            raise ModelError(f"{path}: a Git LFS pointer, not the weights; run `git lfs pull` there, or download it")
        if not beginning:
            raise ModelError(f"{path}: empty; {AGAIN}")
        length = struct.unpack("<Q", beginning[:8])[0] if size >= 8 else size
        if length + 8 > size:
            raise ModelError(f"{path}: no safetensors file, or cut short (it begins with {beginning[:8]!r}); {AGAIN}")
        file.seek(8)
        text = file.read(length)
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        tensors = {name: _stored(path, name, entry, 8 + length) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ModelError(f"{path}: its header is not that of a safetensors file; {AGAIN}") from None
    described = max((stored.end for stored in tensors.values()), default=8 + length)
    if described != size:
        what = "cut short" if size < described else "too long"
        raise ModelError(f"{path}: {what}: {size} bytes, expected {described} by its header; {AGAIN}")
    return tensors


def _stored(path: Path, name: str, entry: dict[str, Any], data: int) -> Stored:
    """Return a tensor by its entry of a header; `data` is the byte at which a file's data begin."""
    start, end = entry["data_offsets"]
    return Stored(path, name, entry["dtype"], tuple(entry["shape"]), data + start, data + end)


def model_class(folder: Path) -> PreTrainedModel:
    """Return the causal language model that a folder's config.json describes, without weights (on the device "meta").

    Raises:
        ModelError: transformers has no such model.
    """
    path = folder / "config.json"
    try:
        config = AutoConfig.from_pretrained(folder)
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except Exception as error:  # of whatever class: config.json is a user's
        described = read_json(path)
        if isinstance(described, dict) and "auto_map" in described:
            raise ModelError(
                f"{path}: the model type {described.get('model_type')!r} needs its authors' code, which is never run; "
                "ChatGLM3 and Baichuan2 are converted (`source.convert`), of others take a version that transformers "
                "knows by itself"
            ) from None
        raise ModelError(
            f"{path}: transformers makes no causal language model of it ({first_line(error)}); expected the "
            "config.json of one, unchanged"
        ) from None


def loading(folder: Path, stored: dict[str, Stored]) -> Loading:
    """Return what the class of a folder's config.json loads of stored tensors; no weights are read.

    Raises:
        ModelError: transformers has no such class, or fails for another reason.
    """
    model = model_class(folder)
    own = model.state_dict()
    prefix = f"{model.base_model_prefix}."
    names = {}
    for name in stored:
        known = [key for key in (name, prefix + name, name.removeprefix(prefix)) if key in own]
        names[known[0] if known else name] = name
    # Of two tied tensors, the class keeps one; with both, it would compare their values, which "meta" has not.
    twins = {
        target: source for target, source in model.all_tied_weights_keys.items() if {target, source} <= names.keys()
    }
    tensors = {
        name: torch.empty(entry.shape, device="meta") for name, entry in stored.items() if name not in
        {names[target] for target in twins}
    }  # fmt: skip
    try:
        _, found = type(model).from_pretrained(
            None, config=model.config, state_dict=tensors, device_map="meta", ignore_mismatched_sizes=True,
            output_loading_info=True,
        )  # fmt: skip
    except Exception as error:  # of whatever class: config.json and weights are a user's
        raise ModelError(f"{folder}: transformers cannot load its tensors ({first_line(error)})") from None
    # Some keys the class leaves out without naming them, such as the rotary frequencies of old checkpoints.
    ignored = [re.compile(pattern) for pattern in (*(model._keys_to_ignore_on_load_unexpected or ()), "inv_freq$")]
    dropped = {name for key, name in names.items() if key not in own and any(rule.search(key) for rule in ignored)}
    return Loading(
        class_name=type(model).__name__,
        names=names,
        missing=sorted(found["missing_keys"]),
        unexpected=sorted({*found["unexpected_keys"], *dropped}),
        mismatched=sorted((name, tuple(left), tuple(right)) for name, left, right in found["mismatched_keys"]),
        tied=[(names[target], names[source]) for target, source in twins.items()],
    )


def first_line(error: Exception) -> str:
    """Return the class of an exception and the first line of its text."""
    return f"{type(error).__name__}: {(str(error).strip() or 'no text').splitlines()[0][:200]}"


def _weight_map(path: Path) -> dict[str, str]:
    index: Any = read_json(path)
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelError(f"{path}: no weight_map, which says which shard holds which tensor; {AGAIN}")
    return weight_map


def _no_weights(folder: Path) -> str:
    """Return a sentence on a folder in which transformers finds no safetensors."""
    names = sorted(path.name for path in folder.iterdir())
    if "adapter_config.json" in names:
        return (
            f"{folder}: an adapter (adapter_config.json) without the model's weights; merge it into its base model "
            "(`llamafactory-cli export`), or give the base's folder"
        )
    if shards := [name for name in names if name.startswith("model-") and name.endswith(".safetensors")]:
        return f"{folder}: {len(shards)} shards without {INDEX}, which says what they hold; copy or download it too"
    if any(name.endswith((".bin", ".pt", ".pth")) for name in names):
        return (
            f"{folder}: no safetensors among {', '.join(names)}; a merge is checked against those: take a revision "
            "that has them, or convert with transformers: "
            "`AutoModelForCausalLM.from_pretrained(folder).save_pretrained(new_folder)`"
        )
    return f"{folder}: no safetensors among {', '.join(names)}; expected {SINGLE_FILE}, or {INDEX} and its shards"
