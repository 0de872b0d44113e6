"""Smaller parts of the same optimizer steps, for training that did not fit the memory."""

from typing import Any


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
