"""The memory of the host that jobs with a model need, for a scheduler that kills a job which takes more."""

from typing import Any

from finintent.models.disk import GGUF_GROWTH, gigabytes, is_converted

# What a job holds beside a model: Python, PyTorch, LlamaFactory and Snakemake. Measured on tiny models: 1.0 to 2.0 GB.
LIBRARIES_GB = 4
# What a job holds for each GB of weights. A merge has them all in memory: 16.3 GB were measured for 15.2 GB.
LOADED = 1.1
# Converting stays below three times the largest shard, and a small model is one shard.
CONVERTED = 3


def weights_gigabytes(source: dict[str, Any]) -> float:
    """Return the size of a model's weights as jobs load them, in GB, 0 where it is not known."""
    return gigabytes(source) * (GGUF_GROWTH[source.get("dtype", "float32")] if source["type"] == "gguf" else 1)


def host_mb(source: dict[str, Any]) -> int:
    """Return the MB of a job that computes with a model on a GPU."""
    return round(1000 * (LIBRARIES_GB + LOADED * weights_gigabytes(source)))


def preparation_mb(source: dict[str, Any]) -> int:
    """Return the MB of the job that prepares a model."""
    copies = CONVERTED if is_converted(source) else LOADED
    return round(1000 * (LIBRARIES_GB + copies * weights_gigabytes(source)))
