"""LlamaFactory's functions, imported without initialising CUDA.

When it is imported, LlamaFactory asks whether the GPU computes in bfloat16. That initialises CUDA with all cards that
this process may use, before `machine.lock` has chosen one of them. So until it is imported there is no GPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from transformers.utils import is_torch_bf16_gpu_available, is_torch_cuda_available


@contextmanager
def _without_gpu() -> Iterator[None]:
    with patch.object(torch.cuda, "is_available", lambda: False):
        yield
    for remembered in (is_torch_bf16_gpu_available, is_torch_cuda_available):
        remembered.cache_clear()


with _without_gpu():
    from llamafactory.hparams import get_infer_args
    from llamafactory.model import load_tokenizer

__all__ = ["get_infer_args", "load_tokenizer"]
