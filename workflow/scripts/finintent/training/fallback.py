"""After a failure of LlamaFactory's process: a configuration for less memory, or the text of the error."""

import re
import signal
from typing import Any

# A GPU without memory: PyTorch's exception, or the messages of other libraries, in LlamaFactory's output.
OUT_OF_MEMORY = re.compile(rb"OutOfMemoryError|CUDA[^\n]*out of memory|CUBLAS_STATUS_ALLOC_FAILED")

# The last line of a traceback, or the sentence of `finintent train`.
LAST_ERROR = re.compile(r"^((?:\w+\.)*\w+(?:Error|Exception|Interrupt): .+)$", re.MULTILINE)
LONGEST_QUOTE = 300  # characters


def smaller(config: dict[str, Any]) -> dict[str, Any] | None:
    """Return a training configuration that needs less memory for the same optimizer steps, None if there is none.

    First, activations are computed again instead of being kept, which saves more than halving the rows does. Then half
    as many rows (or the next smaller divisor) are computed at once, more times. Validation, which may be what did not
    fit, gets half as many rows at once each time.
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


def ending(status: int, output: bytes = b"") -> str:
    """Return a part of a sentence on how a process of `run_llamafactory` ended, and what to do.

    Args:
        status: its exit status.
        output: what it wrote, of which the last error is quoted.
    """
    if status == -signal.SIGKILL:
        return "was killed: most often the machine's memory ran out; free some, or use a machine with more"
    if errors := LAST_ERROR.findall(output.decode("utf-8", errors="replace")):
        return f"ended with status {status}: {errors[-1][:LONGEST_QUOTE]} (the log has more)"
    return f"ended with status {status}; see its log for the reason"
