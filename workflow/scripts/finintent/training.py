"""LoRA fine-tuning and merging with LlamaFactory: its YAML files, and what is left of a run."""

import shutil
from pathlib import Path
from typing import Any

from finintent.errors import DataError, ModelError, TrainingError
from finintent.files import read_json, read_jsonl

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


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

    `settings`: LlamaFactory's own keys, those of the batching among them. Validation runs after each epoch and the
    epoch with the lowest validation loss is kept. Without a `template` LlamaFactory reads that of the tokenizer.
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


# Keys that the workflow sets; a configuration that sets one would be overruled without a word.
OWN_KEYS = {
    "adapter_name_or_path", "val_size", "overwrite_output_dir", "trust_remote_code", "fp16", "pure_bf16",
    "per_device_train_batch_size", "gradient_accumulation_steps", "disable_gradient_checkpointing",
    "enable_liger_kernel",
    *training_config(
        model="", data="", template="", split_special_tokens=False, checkpoints="", settings={}, seed=0, bf16=False,
        gpu=False,
    ),
}  # fmt: skip


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


def merge_config(*, model: str, adapter: str, merged: str) -> dict[str, Any]:
    """Return the arguments of `llamafactory-cli export`.

    The merged weights keep the base's own precision, as its config.json names it. No template is given: the export
    needs none, and with some templates LlamaFactory 0.9.5 fails after it has written the weights. ModelError for a
    quantised base, into which nothing can be merged.
    """
    if "quantization_config" in read_json(Path(model) / "config.json"):
        raise ModelError(
            f"{model}/config.json: a quantised model, into which no adapter can be merged; give the unquantised one, "
            "and quantise it for training alone with training.llamafactory.quantization_bit"
        )
    return {
        "model_name_or_path": model,
        "adapter_name_or_path": adapter,
        "finetuning_type": "lora",
        "export_dir": merged,
        "export_device": "auto",
        "export_size": 5,
        "infer_dtype": weights_dtype(Path(model)),
    }


def weights_dtype(model: Path) -> str:
    """Return the precision that a model folder's config.json names, such as "bfloat16"."""
    config = read_json(model / "config.json")
    dtype = config.get("dtype") or config.get("torch_dtype")  # the latter up to transformers 4
    if dtype is None:
        raise ModelError(f"{model}/config.json: neither dtype nor torch_dtype; add the precision of the weights")
    return dtype


def splits_special_tokens(model: Path) -> bool:
    """Return whether a model's tokenizer reads a special token that is spelled in a text as ordinary text.

    LlamaFactory has to be told: it overrules what tokenizer_config.json says with a default of its own.
    """
    return read_json(model / "tokenizer_config.json").get("split_special_tokens", False)


def collect_adapter(checkpoints: Path, adapter: Path) -> None:
    """Copy the finished adapter (the best epoch's) out of LlamaFactory's output folder."""
    if missing := [name for name in ADAPTER_FILES if not (checkpoints / name).is_file()]:
        raise TrainingError(f"{checkpoints}: LlamaFactory ended without {missing[0]}; its log says why")
    adapter.mkdir(parents=True)
    for name in ADAPTER_FILES:
        shutil.copy2(checkpoints / name, adapter / name)


def last_checkpoint_step(checkpoints: Path) -> int:
    """Return the optimizer step of the checkpoint that a run will resume from, 0 where there is none.

    A checkpoint that a kill left half-written is deleted: LlamaFactory would choose it by its name, and fail.
    """
    for path in checkpoints.glob("checkpoint-*"):
        try:
            read_json(path / "trainer_state.json")  # written last
        except DataError:
            shutil.rmtree(path)
    return max((int(path.name.removeprefix("checkpoint-")) for path in checkpoints.glob("checkpoint-*")), default=0)


def training_record(checkpoints: Path, rows: int, resumed_step: int) -> dict[str, Any]:
    """Return what a finished run's logs say: the loss curve, the validation loss of each epoch, speed and best epoch.

    `rows` is the size of the training set, `resumed_step` the step that the last process began at; `seconds` and
    `rows_per_second` (None where it had nothing left to train) are that process's, validation excluded from the latter.
    """
    log = read_jsonl(checkpoints / "trainer_log.jsonl")
    results = read_json(checkpoints / "all_results.json")
    state = read_json(checkpoints / "trainer_state.json")
    # A resumed run logs again the steps after its last checkpoint: what was logged last counts.
    training = {entry["current_steps"]: entry for entry in log if "loss" in entry}
    validation = {entry["current_steps"]: entry for entry in log if "eval_loss" in entry}
    best = min(validation.values(), key=lambda entry: entry["eval_loss"])
    share = 1 - resumed_step / state["global_step"]  # of the run that the last process trained
    evaluating = sum(entry.get("eval_runtime", 0.0) for entry in state["log_history"] if entry["step"] > resumed_step)
    return {
        "steps": state["global_step"],
        "resumed_step": resumed_step,
        "best_epoch": best["epoch"],
        "best_validation_loss": best["eval_loss"],
        "seconds": results["train_runtime"],
        "tokens_per_second": results["effective_tokens_per_sec"] * share or None,  # LlamaFactory counts the whole run
        "rows_per_second": rows * results["epoch"] * share / (results["train_runtime"] - evaluating) if share else None,
        "training_loss": _curve(training, "loss"),
        "validation_loss": _curve(validation, "eval_loss"),
        # LlamaFactory logs PyTorch's peak so far, in GiB, where `run_llamafactory` asks it to; an attempt that ran out
        # of memory logged its own before.
        "peak_gpu_bytes": int(2**30 * log[-1]["vram_allocated"]) if "vram_allocated" in log[-1] else None,
    }


def _curve(entries: dict[int, dict[str, Any]], key: str) -> list[dict[str, float]]:
    return [{"epoch": entries[step]["epoch"], "step": step, "loss": entries[step][key]} for step in sorted(entries)]
