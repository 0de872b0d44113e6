"""The results of a training run: checkpoints, the adapter, and the record of its logs."""

import shutil
from pathlib import Path
from typing import Any

from finintent.errors import DataError, TrainingError
from finintent.files import read_json, read_jsonl

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


def collect_adapter(checkpoints: Path, adapter: Path) -> None:
    """Copy the finished adapter (the best epoch's) out of LlamaFactory's output folder.

    Raises:
        TrainingError: a file of it is missing.
    """
    if missing := [name for name in ADAPTER_FILES if not (checkpoints / name).is_file()]:
        raise TrainingError(f"{checkpoints}: LlamaFactory ended without {missing[0]}; see its log for the reason")
    adapter.mkdir(parents=True)
    for name in ADAPTER_FILES:
        shutil.copy2(checkpoints / name, adapter / name)


def drop_other_runs(checkpoints: Path) -> None:
    """Delete the checkpoints of runs with other settings or data, which cannot be resumed any more."""
    if checkpoints.parent.is_dir():
        for other in checkpoints.parent.iterdir():
            if other != checkpoints and other.is_dir():
                shutil.rmtree(other)


def last_checkpoint_step(checkpoints: Path) -> int:
    """Return the optimizer step of the checkpoint that a run will resume from, 0 if there is none.

    A checkpoint that is incomplete because the process was killed is deleted: the trainer would choose it by its
    name, and fail.
    """
    for path in checkpoints.glob("checkpoint-*"):
        try:
            read_json(path / "trainer_state.json")  # written last
        except DataError:
            shutil.rmtree(path)
    return max((int(path.name.removeprefix("checkpoint-")) for path in checkpoints.glob("checkpoint-*")), default=0)


def training_record(checkpoints: Path, rows: int, resumed_step: int) -> dict[str, Any]:
    """Return the loss curve, the validation loss of each epoch, the speed and the best epoch from a run's logs.

    Args:
        checkpoints: LlamaFactory's output folder.
        rows: size of the training set.
        resumed_step: optimizer step that the last process began at.

    Returns:
        Among others `seconds` and `rows_per_second` of the last process. The latter excludes validation, and is None
        where that process had nothing left to train.
    """
    log = read_jsonl(checkpoints / "trainer_log.jsonl")
    results = read_json(checkpoints / "all_results.json")
    state = read_json(checkpoints / "trainer_state.json")
    # A resumed run logs the steps after its last checkpoint again; the last entry counts.
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
        "training_loss": curve(training, "loss"),
        "validation_loss": curve(validation, "eval_loss"),
        # LlamaFactory logs PyTorch's peak so far, in GiB, if `run_llamafactory` asks it to. The last entry is that of
        # the last attempt; earlier ones may be of attempts that ran out of memory.
        "peak_gpu_bytes": int(2**30 * log[-1]["vram_allocated"]) if "vram_allocated" in log[-1] else None,
    }


def curve(entries: dict[int, dict[str, Any]], key: str) -> list[dict[str, float]]:
    """Return a loss curve: epoch, step and loss of each entry of a log, by step.

    Args:
        entries: of the log, by optimizer step.
        key: of the loss in an entry.
    """
    return [{"epoch": entries[step]["epoch"], "step": step, "loss": entries[step][key]} for step in sorted(entries)]
