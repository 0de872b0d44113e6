"""Tiny GGUF files of random models, as llama.cpp's converter would write them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGML_QUANT_SIZES, MODEL_ARCH, GGMLQuantizationType, GGUFWriter, get_tensor_name_map, quantize
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

from finintent.models.gguf_tokenizer import CONTROL, PLACEHOLDER
from tiny import NORMAL, tiny_pieces

HEAD = "output.weight"
SIZES = {
    "hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 64, "max_position_embeddings": 128,
}  # fmt: skip
CHAT_TEMPLATE = "{% for message in messages %}<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"
MERGES = ["t h", "th e", "i n", "Ġ t", "å Ł"]  # the last joins two of the three bytes of 基


@dataclass
class TinyGguf:
    """What a tiny file is written from; tests change it before they write.

    model: the random model; metadata, tensors: by their names in the file, tensors in float32; quantised: how
    tensors with so many columns are written, by name, where it is not F32.
    """

    model: PreTrainedModel
    metadata: dict[str, Any]
    tensors: dict[str, np.ndarray]
    quantised: dict[str, GGMLQuantizationType] = field(default_factory=dict)

    def quantise(self, *kinds: GGMLQuantizationType) -> None:
        """Quantise all matrices, in turn as each of some kinds."""
        matrices = [name for name, tensor in self.tensors.items() if tensor.ndim == 2]
        self.quantised = {name: kinds[number % len(kinds)] for number, name in enumerate(matrices)}

    def write(self, path: Path) -> Path:
        """Write the file."""
        writer = GGUFWriter(path, self.metadata["general.architecture"])
        writer.data_alignment = self.metadata.get("general.alignment", writer.data_alignment)
        for key, value in self.metadata.items():
            if key == "general.architecture":
                continue  # written by the writer itself
            add = {str: writer.add_string, float: writer.add_float32, int: writer.add_uint32, bool: writer.add_bool}
            (writer.add_array if isinstance(value, list) else add[type(value)])(key, value)
        for name, tensor in self.tensors.items():
            kind = self.quantised.get(name, GGMLQuantizationType.F32)
            writer.add_tensor(name, quantised(tensor, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path


def tiny_gguf(architecture: str, *, tied: bool = True) -> TinyGguf:
    """Return a two-layer random model of an architecture: gemma3, qwen2 or llama."""
    torch.manual_seed(0)
    vocabulary = _gemma_vocabulary() if architecture == "gemma3" else _byte_level_vocabulary(architecture)
    shared = SIZES | {
        "vocab_size": len(vocabulary["tokens"]),
        "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0},
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": tied,
    }
    if architecture == "gemma3":
        rope = {"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}
        shared |= {"rope_parameters": rope | {"full_attention": shared["rope_parameters"]}}
        own = {"sliding_window": 8, "query_pre_attn_scalar": 64, "layer_types": None}
        model = Gemma3ForCausalLM(Gemma3TextConfig(**shared | own | {"num_hidden_layers": 6}))
    elif architecture == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**{key: value for key, value in shared.items() if key != "head_dim"}))
    else:
        model = LlamaForCausalLM(LlamaConfig(**shared))
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases too, so that none of them is all ones or zeros
            parameter.add_(torch.randn_like(parameter) * 0.1)
    config = model.config
    sizes = {
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        "rope.freq_base": 5000.0,
    }
    if architecture == "gemma3":
        sizes |= {"attention.key_length": 64, "attention.value_length": 64, "attention.sliding_window": 8}
    if architecture == "llama":
        sizes |= {"rope.dimension_count": 64, "vocab_size": config.vocab_size}
    metadata = {"general.architecture": architecture, "general.name": "Tiny"}
    metadata |= {f"{architecture}.{key}": value for key, value in sizes.items()}
    metadata |= {f"tokenizer.ggml.{key}": value for key, value in vocabulary.items()}
    if architecture == "qwen2":
        metadata["tokenizer.chat_template"] = CHAT_TEMPLATE
    return TinyGguf(model, metadata, _tensors(architecture, model))


def quantised(tensor: np.ndarray, kind: GGMLQuantizationType) -> np.ndarray:
    """Return a tensor as the bytes of a quantisation, by the `gguf` package where it can.

    It quantises to none of the K kinds: for those, the bytes are random ones with scales of a usual size.
    """
    try:
        return quantize(tensor, kind)
    except NotImplementedError:
        weights, size = GGML_QUANT_SIZES[kind]
        blocks = np.random.default_rng(0).integers(0, 256, (*tensor.shape[:-1], tensor.shape[-1] // weights, size))
        blocks = blocks.astype(np.uint8)
        scale = np.array([1e-4], np.float16).view(np.uint8)
        places = {"Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (size - 2,)}[kind.name]
        for place in places:
            blocks[..., place : place + 2] = scale
        return blocks.reshape(*tensor.shape[:-1], -1)


def _tensors(architecture: str, model: PreTrainedModel) -> dict[str, np.ndarray]:
    kinds = {"gemma3": MODEL_ARCH.GEMMA3, "qwen2": MODEL_ARCH.QWEN2, "llama": MODEL_ARCH.LLAMA}
    names = get_tensor_name_map(kinds[architecture], model.config.num_hidden_layers)
    tensors = {}
    for native, parameter in model.named_parameters():
        module, kind = native.rsplit(".", 1)
        values = parameter.detach().numpy().copy()
        if architecture == "gemma3" and native.endswith("norm.weight"):
            values += 1
        if architecture == "llama" and ("q_proj" in native or "k_proj" in native):  # llama.cpp's `permute`
            heads = SIZES["num_attention_heads" if "q_proj" in native else "num_key_value_heads"]
            halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
            values = halves.swapaxes(1, 2).reshape(values.shape)
        tensors[f"{names.get_name(module)}.{kind}"] = values
    return tensors


def _gemma_vocabulary() -> dict[str, Any]:
    pieces = tiny_pieces()
    return {
        "model": "llama",
        "pre": "default",
        "tokens": [piece.text for piece in pieces],
        "token_type": [piece.kind for piece in pieces],
        "padding_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
        "unknown_token_id": 3,
        "add_bos_token": True,
    }


def _byte_level_vocabulary(architecture: str) -> dict[str, Any]:
    tokens = [*bytes_to_unicode().values(), *("".join(merge.split(" ")) for merge in MERGES)]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    eos = len(tokens) + 2
    return {
        "model": "gpt2",
        "pre": "qwen2" if architecture == "qwen2" else "llama-bpe",
        "tokens": [*tokens, *special, "[PAD264]"],
        "token_type": [NORMAL] * len(tokens) + [CONTROL] * len(special) + [PLACEHOLDER],
        "merges": MERGES,
        "eos_token_id": eos,
        "padding_token_id": eos - 2,
        "bos_token_id": eos - 2,
        "add_bos_token": False,
    }
