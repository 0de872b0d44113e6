"""From a GGUF file to an ordinary Hugging Face folder: weights, configuration and a tokenizer that gives right ids."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import MODEL_ARCH, get_tensor_name_map
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
)

from finintent.errors import ModelError
from finintent.files import write_json
from finintent.models.gguf_file import GgufFile, Tensor, dequantise, read_gguf
from finintent.models.gguf_tokenizer import build_tokenizer, kept_ids, read_vocabulary
from finintent.models.vocabulary import Reach

EMBEDDING, HEAD = "token_embd.weight", "output.weight"
# Two quantisations of one matrix differ by 0.04 (Q5_0 and Q8_0) to 0.07 (Q4_K and Q6_K) of its norm; two matrices by
# more than 1.
SAME = 0.5
SAMPLE = 1024  # rows compared
SIZES = {
    "context_length": "max_position_embeddings",
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
}
HEAD_SIZES = ("attention.key_length", "attention.value_length", "rope.dimension_count")


@dataclass(frozen=True)
class Architecture:
    """How one architecture of GGUF files becomes a native class.

    arch: the name of its tensors in the `gguf` package; build_config: fields of the configuration and the base of the
    rotary frequencies -> configuration; sizes: metadata -> field, beside SIZES; restore: a tensor's name in the file,
    its values and the configuration -> the values that transformers expects.
    """

    arch: MODEL_ARCH
    build_config: Callable[..., PreTrainedConfig]
    sizes: dict[str, str]
    restore: Callable[[str, torch.Tensor, PreTrainedConfig], torch.Tensor]


def convert(path: Path, *, reach: Reach | None, dtype: torch.dtype, directory: Path) -> dict[str, int]:
    """Write a GGUF model as a Hugging Face folder and return the sizes of the two vocabularies.

    Where the vocabulary is cut, `vocabulary.json` lists the original id of each new one: the new embedding is those
    rows of the original, so the logits of the kept pieces are the original's.

    Raises:
        ModelError: the file is damaged or of a kind that the conversion does not know.
    """
    file = read_gguf(path)
    vocabulary = read_vocabulary(file)
    if reach is not None and vocabulary.kind[0] != "llama":
        raise ModelError(
            f"{path}: a byte-level vocabulary, which cannot be cut; remove the model's `vocabulary` from the config"
        )
    kept = kept_ids(vocabulary.pieces, reach)
    tokenizer = build_tokenizer(replace(vocabulary, pieces=[vocabulary.pieces[index] for index in kept]))
    config = read_config(file)
    config.vocab_size = len(kept)
    for role in ("bos", "eos", "pad"):
        setattr(config, f"{role}_token_id", getattr(tokenizer, f"{role}_token_id"))
    build_model(file, config, kept=np.array(kept), dtype=dtype).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    if reach is not None:
        write_json(directory / "vocabulary.json", {"source_size": len(vocabulary.pieces), "original_ids": kept})
    return {"source_vocabulary": len(vocabulary.pieces), "vocabulary": len(kept)}


def read_config(file: GgufFile) -> PreTrainedConfig:
    """Return the configuration of a GGUF file's architecture, without its tokens.

    Raises:
        ModelError: the architecture is unknown, a key is missing, or a key is unknown: it could change what the model
            computes.
    """
    name, architecture = _architecture(file)
    sizes = SIZES | architecture.sizes
    values = {field: file.need(f"{name}.{key}") for key, field in sizes.items()}
    head = file.metadata.get(f"{name}.attention.key_length", values["hidden_size"] // values["num_attention_heads"])
    expected = dict.fromkeys(HEAD_SIZES, head) | {"vocab_size": len(file.need("tokenizer.ggml.tokens"))}
    for key in file.metadata:
        group, _, key = key.partition(".")
        if group != name or key in sizes or key == "rope.freq_base":
            continue
        found = file.metadata[f"{name}.{key}"]
        if found != expected.get(key):
            raise ModelError(
                f"{file.path}: {name}.{key} is {found!r}, expected {expected.get(key, 'no such key')}; the conversion "
                "does not know what it changes: take the model from another source"
            )
    return architecture.build_config(
        **values,
        head_dim=head,
        rope_theta=file.need(f"{name}.rope.freq_base"),
        tie_word_embeddings=HEAD not in file.tensors or _is_copy(file),
    )


def build_model(file: GgufFile, config: PreTrainedConfig, *, kept: np.ndarray, dtype: torch.dtype) -> PreTrainedModel:
    """Return the model of a GGUF file, its embedding and head cut to the kept rows before they are dequantised.

    Raises:
        ModelError: a tensor is missing, unknown or of another shape than the configuration says.
    """
    _, architecture = _architecture(file)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    names = get_tensor_name_map(architecture.arch, config.num_hidden_layers)
    tensors = dict(file.tensors)
    if config.tie_word_embeddings and (head := tensors.pop(HEAD, None)):
        # The finer quantisation is nearer to the matrix that both were.
        tensors[EMBEDDING] = max(tensors[EMBEDDING], head, key=lambda tensor: tensor.bits)
    weights = {}
    for native, parameter in model.named_parameters():
        module, kind = native.rsplit(".", 1)
        name = f"{names.get_name(module)}.{kind}"
        rows = kept if name in (EMBEDDING, HEAD) else None
        tensor = _take(file.path, tensors, name, tuple(parameter.shape), rows)
        weights[native] = architecture.restore(name, dequantise(tensor, rows), config).to(dtype)
    if tensors:
        raise ModelError(
            f"{file.path}: unknown tensor {min(tensors)}; the conversion does not know what it does: take the model "
            "from another source"
        )
    model.load_state_dict(weights, strict=False, assign=True)  # a tied head is no parameter of its own
    model.tie_weights()
    return model


def _take(path: Path, tensors: dict[str, Tensor], name: str, shape: tuple[int, ...], rows: np.ndarray | None) -> Tensor:
    """Take a tensor out of `tensors`, of that shape after the cut to `rows`."""
    if name not in tensors:
        raise ModelError(f"{path}: no tensor {name}; fetch the file again")
    tensor = tensors.pop(name)
    found = tensor.shape if rows is None else (len(rows), *tensor.shape[1:])
    if found != shape:
        raise ModelError(f"{path}: {name} has shape {found}, expected {shape} by the metadata; fetch the file again")
    return tensor


def _is_copy(file: GgufFile) -> bool:
    """Return whether the head is the embedding, though they may be quantised differently."""
    embedding, head = file.tensors.get(EMBEDDING), file.tensors[HEAD]
    if embedding is None or embedding.shape != head.shape:
        return False
    rows = np.linspace(0, head.shape[0] - 1, SAMPLE).astype(int)
    values = dequantise(head, rows)
    return bool((dequantise(embedding, rows) - values).norm() < SAME * values.norm())


def _gemma3(*, head_dim: int, rope_theta: float, **values: Any) -> Gemma3TextConfig:
    return Gemma3TextConfig(
        **values,
        head_dim=head_dim,
        query_pre_attn_scalar=head_dim,
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": rope_theta},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},  # a constant in llama.cpp too
        },
    )


def _qwen2(*, head_dim: int, rope_theta: float, **values: Any) -> Qwen2Config:
    return Qwen2Config(**values, rope_parameters={"rope_type": "default", "rope_theta": rope_theta})


def _llama(*, head_dim: int, rope_theta: float, **values: Any) -> LlamaConfig:
    return LlamaConfig(**values, head_dim=head_dim, rope_parameters={"rope_type": "default", "rope_theta": rope_theta})


def _without_one(name: str, values: torch.Tensor, config: PreTrainedConfig) -> torch.Tensor:
    """Gemma multiplies by one plus the weight of a norm; the file holds that sum."""
    return values - 1 if name.endswith("norm.weight") else values


def _as_it_is(name: str, values: torch.Tensor, config: PreTrainedConfig) -> torch.Tensor:
    return values


def _halves(name: str, values: torch.Tensor, config: PreTrainedConfig) -> torch.Tensor:
    """Undo the order of rows in which llama.cpp rotates neighbours; transformers rotates the halves of a head."""
    heads = {"attn_q.weight": config.num_attention_heads, "attn_k.weight": config.num_key_value_heads}
    if (kind := name.split(".", 2)[-1]) not in heads:
        return values
    return values.reshape(heads[kind], -1, 2, values.shape[-1]).swapaxes(1, 2).reshape(values.shape)


ARCHITECTURES = {
    "gemma3": Architecture(
        arch=MODEL_ARCH.GEMMA3,
        build_config=_gemma3,
        sizes={"attention.sliding_window": "sliding_window"},
        restore=_without_one,
    ),
    "qwen2": Architecture(arch=MODEL_ARCH.QWEN2, build_config=_qwen2, sizes={}, restore=_as_it_is),
    "llama": Architecture(arch=MODEL_ARCH.LLAMA, build_config=_llama, sizes={}, restore=_halves),
}


def _architecture(file: GgufFile) -> tuple[str, Architecture]:
    name = file.need("general.architecture")
    if name not in ARCHITECTURES:
        raise ModelError(
            f"{file.path}: the architecture {name!r}, which has no conversion; expected one of "
            f"{', '.join(ARCHITECTURES)}: take the model as a Hugging Face folder"
        )
    return name, ARCHITECTURES[name]
