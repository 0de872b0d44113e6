"""LoRA fine-tuning and merging with LlamaFactory: its YAML files, and what is left of a run."""

import shutil
from pathlib import Path
from typing import Any

from finintent.errors import TrainingError
from finintent.files import read_json, read_jsonl

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
# Keys that the workflow sets; a configuration that sets one of them would silently train something else.
OWN_KEYS = {
    "model_name_or_path", "adapter_name_or_path", "template", "stage", "do_train", "finetuning_type", "dataset",
    "dataset_dir", "eval_dataset", "val_size", "output_dir", "overwrite_output_dir", "trust_remote_code", "seed",
    "eval_strategy", "save_strategy", "load_best_model_at_end", "bf16", "fp16", "flash_attn", "use_cpu",
}  # fmt: skip


def training_config(
    *,
    model: str,
    data: str,
    template: str,
    checkpoints: str,
    settings: dict[str, Any],
    seed: int,
    bf16: bool,
    gpu: bool,
) -> dict[str, Any]:
    """Return the arguments of `llamafactory-cli train` for one LoRA run.

    `settings` is the merged `training` block: LlamaFactory's own keys. Validation runs after each epoch and the
    epoch with the lowest validation loss is kept.
    """
    return {
        "model_name_or_path": model,
        "template": template,
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
        "report_to": "none",
        # The memory tracker spins a thread on the CPU: worth it only where it reads a GPU's memory.
        "skip_memory_metrics": not gpu,
        "output_dir": checkpoints,
    }


def merge_config(*, model: str, adapter: str, merged: str) -> dict[str, Any]:
    """Return the arguments of `llamafactory-cli export`.

    The merged weights keep the base's own precision, as its config.json names it. No template is given: the export
    needs none, and with some templates LlamaFactory 0.9.5 fails after it has written the weights.
    """
    return {
        "model_name_or_path": model,
        "adapter_name_or_path": adapter,
        "finetuning_type": "lora",
        "export_dir": merged,
        "export_device": "auto",
        "export_size": 5,
        "infer_dtype": read_json(Path(model) / "config.json")["dtype"],
    }


def collect_adapter(checkpoints: Path, adapter: Path) -> None:
    """Copy the finished adapter (the best epoch's) out of LlamaFactory's output folder."""
    if missing := [name for name in ADAPTER_FILES if not (checkpoints / name).is_file()]:
        raise TrainingError(f"{checkpoints}: LlamaFactory ended without {missing[0]}; its log says why")
    adapter.mkdir(parents=True)
    for name in ADAPTER_FILES:
        shutil.copy2(checkpoints / name, adapter / name)


def last_checkpoint_step(checkpoints: Path) -> int:
    """Return the optimizer step of the checkpoint that a run would resume from, 0 where there is none."""
    return max((int(path.name.removeprefix("checkpoint-")) for path in checkpoints.glob("checkpoint-*")), default=0)


def training_record(checkpoints: Path, rows: int, resumed_step: int) -> dict[str, Any]:
    """Return what a finished run's logs say: the loss curve, the validation loss of each epoch, speed and best epoch.

    `rows` is the size of the training set, `resumed_step` the step that the last process began at; `seconds` and
    `rows_per_second` are that process's, validation excluded from the latter.
    """
    log = read_jsonl(checkpoints / "trainer_log.jsonl")
    results = read_json(checkpoints / "all_results.json")
    state = read_json(checkpoints / "trainer_state.json")
    # A resumed run logs again the steps after its last checkpoint: what was logged last counts.
    training = {entry["current_steps"]: entry for entry in log if "loss" in entry}
    validation = {entry["current_steps"]: entry for entry in log if "eval_loss" in entry}
    best = min(validation.values(), key=lambda entry: entry["eval_loss"])
    share = 1 - resumed_step / state["global_step"]
    evaluating = sum(entry.get("eval_runtime", 0.0) for entry in state["log_history"] if entry["step"] > resumed_step)
    return {
        "steps": state["global_step"],
        "resumed_step": resumed_step,
        "best_epoch": best["epoch"],
        "best_validation_loss": best["eval_loss"],
        "seconds": results["train_runtime"],
        "rows_per_second": rows * results["epoch"] * share / (results["train_runtime"] - evaluating),
        "training_loss": _curve(training, "loss"),
        "validation_loss": _curve(validation, "eval_loss"),
        "peak_gpu_bytes": results.get("train_mem_gpu_peaked_delta"),
    }


def _curve(entries: dict[int, dict[str, Any]], key: str) -> list[dict[str, float]]:
    return [{"epoch": entries[step]["epoch"], "step": step, "loss": entries[step][key]} for step in sorted(entries)]
