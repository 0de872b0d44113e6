"""What to do when LlamaFactory's process fails: smaller parts of the same optimizer steps, or what to tell."""

import re
import signal
from typing import Any

# Of the card: PyTorch's exception, or what other libraries print, in the output of LlamaFactory's process.
OUT_OF_MEMORY = re.compile(rb"OutOfMemoryError|CUDA[^\n]*out of memory|CUBLAS_STATUS_ALLOC_FAILED")


def smaller(config: dict[str, Any]) -> dict[str, Any] | None:
    """Return a training configuration for less memory and the same optimizer steps, None where there is none.

    First activations are computed again instead of being kept, then half as many rows (or the next divisor) are read
    at once, and as many more times: half the rows without that take more. Validation, which may have been what did not
    fit, reads half as many each time.
    """
    asked = config.get("per_device_eval_batch_size", 8)
    config = {**config, "per_device_eval_batch_size": max(1, asked // 2)}
    if config["disable_gradient_checkpointing"]:
        return {**config, "disable_gradient_checkpointing": False}
    rows = config["per_device_train_batch_size"]
    step = rows * config["gradient_accumulation_steps"]
    if rows == 1:
        return config if asked > 1 else None
    fewer = max(size for size in range(1, rows) if step % size == 0)
    return {
        **config,
        "per_device_train_batch_size": fewer,
        "gradient_accumulation_steps": step // fewer,
    }


def ending(status: int) -> str:
    """Return how a process ended that `run_llamafactory` started, and what to do, as part of a sentence."""
    if status == -signal.SIGKILL:
        return "was killed: most often the machine's memory ran out; free some, or take a machine with more"
    return f"ended with status {status}; its log tells why"
