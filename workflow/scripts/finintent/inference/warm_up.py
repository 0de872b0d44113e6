"""Loading kernels on a GPU while a model's weights are loaded.

A process's first pass over the questions takes twice as long as the next: libraries start, and each kernel is loaded
when it is first used. A model of one layer uses the same kernels.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedModel

from finintent.inference.compute import skip_cudnn_attention

logger = logging.getLogger(__name__)


@contextmanager
def warming_up(directory: str, bf16: bool, ask: Callable[[PreTrainedModel], Any]) -> Iterator[None]:
    """Let a model of one random layer do what another one is being loaded for, where there is a GPU.

    Args:
        directory: of the model that is being loaded.
        bf16: whether it computes in bfloat16, or in float32.
        ask: what it is to do. Its result is dropped, and so is its failure.
    """
    if not torch.cuda.is_available():
        yield
        return
    skip_cudnn_attention()
    config = AutoConfig.from_pretrained(directory)
    text = config.get_text_config()
    text.num_hidden_layers = 1
    if kinds := getattr(text, "layer_types", None):
        text.layer_types = kinds[:1]
    # Made before loading begins: both set the default precision of this process.
    with torch.device("cuda"):
        small = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16 if bf16 else torch.float32).eval()
    small.generation_config = GenerationConfig()
    thread = Thread(target=_try, args=(ask, small))
    del small
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _try(ask: Callable[[PreTrainedModel], Any], small: PreTrainedModel) -> None:
    try:
        ask(small)
    except Exception as error:
        logger.debug("Kernels were not loaded beside the weights: %s", error)
