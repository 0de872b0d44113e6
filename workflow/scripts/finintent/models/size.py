"""The size of a model, from its folder where it is prepared, else assumed from its source."""

import math
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finintent.errors import ModelError
from finintent.files import read_json
from finintent.models.disk import gigabytes
from finintent.models.folder import GB
from finintent.models.gguf_source import installed_parts

CONFIG = "config.json"
FLOAT32, BF16 = 4, 2  # bytes
CUT_VOCABULARY = 50_000  # what a block `vocabulary` leaves of a large one, for Chinese
ENCODER_VOCABULARY = 30_000


@dataclass(frozen=True)
class Size:
    """What decides how long a model computes.

    Attributes:
        layers: number of layers.
        hidden: width of the hidden states.
        queries: width of the queries of all heads.
        mlp: width of the MLP.
        vocabulary: number of tokens.
        linear: weights of the linear layers, without embedding and head.
        adapter: weights of an adapter of rank 1 on all of them.
        tied: whether the head's weights are the embedding's.
        weight_bytes: bytes of a weight on the disk.
    """

    layers: int
    hidden: int
    queries: int
    mlp: int
    vocabulary: int
    linear: float
    adapter: float
    tied: bool
    weight_bytes: int

    @property
    def head(self) -> int:
        """Weights of the head."""
        return self.hidden * self.vocabulary

    @property
    def weights(self) -> float:
        """All weights; norms and biases are not counted."""
        return self.linear + self.head * (1 if self.tied else 2)

    @property
    def bytes(self) -> float:
        """Bytes of all weights on the disk."""
        return self.weights * self.weight_bytes


def size_of(config: dict[str, Any]) -> Size:
    """Return the size that a config.json describes: a decoder with a gated MLP, or what is near one."""
    text = config.get("text_config", config)
    layers, hidden, vocabulary = text["num_hidden_layers"], text["hidden_size"], text["vocab_size"]
    mlp = text.get("intermediate_size") or 4 * hidden
    heads = text["num_attention_heads"]
    width = text.get("head_dim") or hidden // heads
    query, key = heads * width, (text.get("num_key_value_heads") or heads) * width
    shapes = [(hidden, query), (hidden, key), (hidden, key), (query, hidden), *[(hidden, mlp)] * 3]
    dtype = config.get("dtype") or config.get("torch_dtype")
    return Size(
        layers=layers,
        hidden=hidden,
        queries=query,
        mlp=mlp,
        vocabulary=vocabulary,
        linear=layers * sum(inputs * outputs for inputs, outputs in shapes),
        adapter=layers * sum(inputs + outputs for inputs, outputs in shapes),
        tied=config.get("tie_word_embeddings", False),
        weight_bytes=FLOAT32 if dtype == "float32" else BF16,
    )


def _typical(layers: int, hidden: int, mlp: int, vocabulary: int, heads: int, key_heads: int, *, tied: bool) -> Size:
    return size_of(
        {
            "num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": mlp, "vocab_size": vocabulary,
            "num_attention_heads": heads, "num_key_value_heads": key_heads, "tie_word_embeddings": tied,
            "head_dim": 256 if hidden == 640 else None,
        }
    )  # fmt: skip


# Open models of 0.27 to 72 billion weights, Gemma 3 270M and Qwen2.5 from 0.5B on, with the GB of their GGUF files of 4
# to 5 bits (Q4_K_M), which spend more on a small model's weights.
TYPICAL = [
    (_typical(18, 640, 2048, 262_144, 4, 1, tied=True), 0.253),
    (_typical(24, 896, 4864, 151_936, 14, 2, tied=True), 0.49),
    (_typical(28, 1536, 8960, 151_936, 12, 2, tied=True), 1.12),
    (_typical(36, 2048, 11_008, 151_936, 16, 2, tied=True), 2.1),
    (_typical(28, 3584, 18_944, 152_064, 28, 4, tied=False), 4.7),
    (_typical(48, 5120, 13_824, 152_064, 40, 8, tied=False), 9.0),
    (_typical(64, 5120, 27_648, 152_064, 40, 8, tied=False), 19.9),
    (_typical(80, 8192, 29_568, 152_064, 64, 8, tied=False), 47.4),
]


def model_size(model: dict[str, Any], folder: Path) -> Size | None:
    """Return the size of a model of the catalogue, None where nothing tells it.

    Args:
        model: its entry of the catalogue.
        folder: of the prepared model; where it is not there, the size is that of a typical model of as many weights.
    """
    source = model["source"]
    described = folder if source["type"] != "local" or source.get("convert") else Path(source["path"])
    if (described / CONFIG).is_file():
        with suppress(KeyError):  # other names of the same properties
            return size_of(read_json(described / CONFIG))
    file_bytes = _package_bytes(source["package"]) if source.get("package") else gigabytes(source) * GB
    if not file_bytes:
        return None
    gguf, encoder = source["type"] == "gguf", model["kind"] == "encoder"
    weight_bytes = FLOAT32 if encoder else BF16
    shares = [(file_bytes / (GB * file_gb if gguf else size.weights * weight_bytes), size) for size, file_gb in TYPICAL]
    share, alike = min(shares, key=lambda pair: abs(math.log(pair[0])))
    whole = replace(alike, vocabulary=ENCODER_VOCABULARY) if encoder else alike
    return replace(
        whole,
        linear=max(share * alike.weights - whole.weights + whole.linear, alike.linear * share / 2),
        adapter=alike.adapter * math.sqrt(share),
        vocabulary=min(CUT_VOCABULARY, whole.vocabulary) if model.get("vocabulary") else whole.vocabulary,
        weight_bytes=FLOAT32 if encoder or (gguf and source.get("dtype", "float32") == "float32") else BF16,
    )


def _package_bytes(package: str) -> int:
    """Return the size of the GGUF file that an installed package carries, 0 where it is not installed."""
    total = 0
    with suppress(ModelError):
        for part in installed_parts(package):
            with part.open() as file:
                total += file.seek(0, os.SEEK_END)
    return total
