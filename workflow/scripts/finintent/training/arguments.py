"""LlamaFactory's arguments for LoRA fine-tuning."""

from typing import Any


def training_config(
    *,
    model: str,
    data: str,
    template: str | None,
    split_special_tokens: bool,
    checkpoints: str,
    settings: dict[str, Any],
    seed: int,
    bf16: bool,
    gpu: bool,
) -> dict[str, Any]:
    """Return the arguments of `llamafactory-cli train` for one LoRA run.

    Validation runs after each epoch, and the epoch with the lowest validation loss is kept.

    Args:
        model: folder of the base model.
        data: folder of the Alpaca files and dataset_info.json.
        template: LlamaFactory's name of the chat template; None to use the tokenizer's own.
        split_special_tokens: whether special tokens in a text are encoded as ordinary text.
        checkpoints: the output folder.
        settings: LlamaFactory's own keys, those of the batching included.
        seed: of the training.
        bf16: whether to compute in bfloat16.
        gpu: whether there is a GPU.
    """
    return {
        "model_name_or_path": model,
        **({} if template is None else {"template": template}),
        "split_special_tokens": split_special_tokens,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "dataset_dir": data,
        "dataset": "train",
        "eval_dataset": "validation",
        **settings,
        "seed": seed,
        "bf16": bf16,
        # Half-precision attention has a slow backward pass in PyTorch's fused CPU kernel; plain products are faster.
        "flash_attn": "auto" if gpu else "disabled",
        "use_cpu": not gpu,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "save_total_limit": 1,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "prediction_loss_only": True,
        "include_effective_tokens_per_second": True,
        "report_to": "none",
        "output_dir": checkpoints,
    }


# Keys that the workflow sets. A value of the configuration would be overridden silently, so it is refused.
OWN_KEYS = {
    "adapter_name_or_path", "val_size", "overwrite_output_dir", "trust_remote_code", "fp16", "pure_bf16",
    "per_device_train_batch_size", "gradient_accumulation_steps", "disable_gradient_checkpointing",
    "enable_liger_kernel", "logging_nan_inf_filter",
    *training_config(
        model="", data="", template="", split_special_tokens=False, checkpoints="", settings={}, seed=0, bf16=False,
        gpu=False,
    ),
}  # fmt: skip
