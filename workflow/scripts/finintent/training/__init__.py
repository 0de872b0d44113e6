"""LoRA training and merging with LlamaFactory."""
