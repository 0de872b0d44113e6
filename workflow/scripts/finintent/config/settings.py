"""The settings of one training, out of the blocks that make them."""

from typing import Any


def training_settings(config: dict[str, Any], model: str, recipe: str) -> dict[str, Any]:
    """Return the settings of a training: those of every one, of its recipe and of its model, the last one first."""
    blocks = [config["training"], config["recipes"][recipe], config["models"][model]["training"]]
    settings = {key: value for block in blocks for key, value in block.items()}
    settings["llamafactory"] = {key: value for block in blocks for key, value in block.get("llamafactory", {}).items()}
    return settings


def encoder_settings(config: dict[str, Any], model: str) -> dict[str, Any]:
    """Return the settings of an encoder's training: those of every encoder, and of this one, the last one first."""
    return config["encoder"] | config["models"][model]["encoder"]
