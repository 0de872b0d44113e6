"""Golden checkpoints in the original formats, and reading and writing of their shards."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from finintent.models.conversion import ARCHITECTURES
from tiny import ROOT

GOLDEN = ROOT / "tests/golden"
KINDS = tuple(ARCHITECTURES)
INDEX = {"chatglm3": "pytorch_model.bin.index.json", "baichuan2": "model.safetensors.index.json"}


def read_shard(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path) if path.suffix == ".bin" else load_file(path)


def write_shard(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    (torch.save if path.suffix == ".bin" else save_file)(tensors, path)
