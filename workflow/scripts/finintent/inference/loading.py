"""Loading a model for inference."""

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel

from finintent.errors import ModelError
from finintent.inference.compute import keep_freed_memory, skip_cudnn_attention, use_every_core


def load_model(directory: str, bf16: bool) -> PreTrainedModel:
    """Load a model for inference, in bfloat16 or float32, directly onto the accelerator if there is one.

    The model's own generation settings, such as beams or forbidden tokens, are left out: its text is greedy.

    From then on, this process computes attention without cuDNN. On a CPU, it uses all cores and keeps the memory
    that it frees.

    Raises:
        ModelError: the model does not fit into the GPU's memory.
    """
    dtype = torch.bfloat16 if bf16 else torch.float32
    device_map = "cuda" if torch.cuda.is_available() else None
    skip_cudnn_attention()
    use_every_core()
    keep_freed_memory()
    try:
        model = AutoModelForCausalLM.from_pretrained(directory, dtype=dtype, device_map=device_map).eval()
    except torch.OutOfMemoryError:
        raise ModelError(
            f"{directory}: too large for the GPU's memory in {'bfloat16' if bf16 else 'float32'}; free it of other "
            "processes (nvidia-smi), set training.precision to bf16 if the GPU can, or use a larger one"
        ) from None
    model.generation_config = GenerationConfig()
    return model
