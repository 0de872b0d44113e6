"""Loading a model for inference."""

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from finintent.errors import ModelError
from finintent.machine.compute import skip_cudnn_attention


def load_model(directory: str, bf16: bool) -> PreTrainedModel:
    """Load a model for inference, in bfloat16 or float32, straight onto the accelerator where there is one.

    Attention in this process goes without cuDNN from then on. ModelError when the model does not fit.
    """
    dtype = torch.bfloat16 if bf16 else torch.float32
    device_map = "cuda" if torch.cuda.is_available() else None
    skip_cudnn_attention()
    try:
        return AutoModelForCausalLM.from_pretrained(directory, dtype=dtype, device_map=device_map).eval()
    except torch.OutOfMemoryError:
        raise ModelError(
            f"{directory}: too large for the GPU's memory in {'bfloat16' if bf16 else 'float32'}; free it of other "
            "processes (nvidia-smi), set training.precision to bf16 if the GPU can, or take a larger one"
        ) from None
