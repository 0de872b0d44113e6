"""LoRA training and merging with LlamaFactory, and the fine-tuning of encoders."""
