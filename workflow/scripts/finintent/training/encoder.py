"""Fine-tuning of an encoder to classify questions, by transformers' Trainer."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_utils import TrainOutput

from finintent.errors import ConfigError, TrainingError
from finintent.inference.compute import skip_cudnn_attention, use_every_core, uses_bf16
from finintent.training.records import curve, last_checkpoint_step

Row = dict[str, Any]
LOGGING_STEPS = 5  # between two points of the loss curve


@dataclass(frozen=True)
class Finetuned:
    """A finished training.

    Attributes:
        model: the encoder with its head, of the epoch with the lowest validation loss.
        tokenizer: which cuts questions at the length of the training.
        record: the loss curve, the validation loss of each epoch, the speed and the best epoch.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    record: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write an ordinary Hugging Face folder, whose config.json names the label codes."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def use_repeatable_kernels() -> None:
    """Let this process train by kernels that give the same result each time, and on all cores of a CPU.

    The caller must hold the accelerator's lock: the Trainer would put rows on all GPUs that it sees, which multiplies
    the rows in a step.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it cuBLAS may add in any order
    use_every_core()
    torch.use_deterministic_algorithms(True, warn_only=True)  # what has no such kernel warns
    # Padded rows leave plain products, whose gradients are added in one order: queries are short, so it costs little.
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    skip_cudnn_attention()


def finetune(
    folder: Path,
    *,
    training: list[Row],
    validation: list[Row],
    codes: list[str],
    settings: dict[str, Any],
    seed: int,
    checkpoints: Path,
) -> Finetuned:
    """Fine-tune an encoder, or resume where its checkpoints end.

    Args:
        folder: of the encoder.
        training: curated rows.
        validation: curated rows; after each epoch their loss is measured, and the epoch with the lowest is kept.
        codes: the codes of all labels.
        settings: the block `encoder` of the configuration.
        seed: of the head, the order of rows and dropout.
        checkpoints: folder of the checkpoints.

    Raises:
        ConfigError: the encoder reads fewer tokens than `max_length`.
        TrainingError: the GPU's memory does not suffice, or the loss is not a number.
    """
    set_seed(seed)  # before the head gets its random weights
    model = AutoModelForSequenceClassification.from_pretrained(
        folder,
        num_labels=len(codes),
        id2label=dict(enumerate(codes)),
        label2id={code: index for index, code in enumerate(codes)},
        dtype=torch.float32,  # bf16 is for the computation; updates would be lost in weights of 8 bits
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    _limit(tokenizer, model, settings["max_length"], folder)
    trainer = Trainer(
        model=model,
        args=_arguments(settings, seed, checkpoints),
        train_dataset=_encoded(training, tokenizer, codes),
        eval_dataset=_encoded(validation, tokenizer, codes),
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    resumed_step = last_checkpoint_step(checkpoints)
    try:
        result = trainer.train(resume_from_checkpoint=resumed_step > 0)
    except torch.OutOfMemoryError:
        raise TrainingError(
            f"{folder}: {settings['batch_size']} rows of up to {settings['max_length']} tokens do not fit into the "
            "GPU's memory; free it of other processes (nvidia-smi), or lower encoder.batch_size or encoder.max_length"
        ) from None
    return Finetuned(trainer.model, tokenizer, _record(trainer, result, resumed_step))


def _limit(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, length: int, folder: Path) -> None:
    """Let a tokenizer cut texts at a length, which stays with it when it is saved."""
    # Of RoBERTa's 514 positions two are no token's: its tokenizer says 512.
    longest = min(getattr(model.config, "max_position_embeddings", length), tokenizer.model_max_length)
    if length > longest:
        raise ConfigError(
            f"config: encoder.max_length is {length}, but {folder} reads {longest} tokens at most; lower it"
        )
    tokenizer.model_max_length = length


def _encoded(rows: list[Row], tokenizer: PreTrainedTokenizerBase, codes: list[str]) -> list[Row]:
    return [tokenizer(row["query"], truncation=True) | {"labels": codes.index(row["label"])} for row in rows]


def _arguments(settings: dict[str, Any], seed: int, checkpoints: Path) -> TrainingArguments:
    gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(checkpoints),
        seed=seed,
        data_seed=seed,
        bf16=uses_bf16(settings["precision"]),
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        learning_rate=settings["learning_rate"],
        num_train_epochs=settings["num_train_epochs"],
        per_device_train_batch_size=settings["batch_size"],
        per_device_eval_batch_size=settings["batch_size"],
        warmup_steps=settings["warmup_ratio"],  # below one, it is a share
        weight_decay=settings["weight_decay"],
        lr_scheduler_type="linear",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_steps=LOGGING_STEPS,
        disable_tqdm=True,
        report_to="none",
    )


def _record(trainer: Trainer, result: TrainOutput, resumed_step: int) -> dict[str, Any]:
    """Return the facts of `records.training_record`, from the Trainer's own log."""
    log, steps, rows = trainer.state.log_history, trainer.state.global_step, trainer.train_dataset
    training = {entry["step"]: entry for entry in log if "loss" in entry}
    validation = {entry["step"]: entry for entry in log if "eval_loss" in entry}
    finite = [entry for entry in validation.values() if math.isfinite(entry["eval_loss"])]
    if not finite:
        raise TrainingError(
            "the validation loss is not a number after any epoch; lower encoder.learning_rate, or set "
            "encoder.precision to fp32"
        )
    best = min(finite, key=lambda entry: entry["eval_loss"])
    seconds = result.metrics["train_runtime"]
    evaluating = sum(entry["eval_runtime"] for step, entry in validation.items() if step > resumed_step)
    epochs = trainer.args.num_train_epochs * (1 - resumed_step / steps)  # that this process trained
    tokens = sum(len(row["input_ids"]) for row in rows)
    return {
        "steps": steps,
        "resumed_step": resumed_step,
        "best_epoch": best["epoch"],
        "best_validation_loss": best["eval_loss"],
        "seconds": seconds,
        "tokens_per_second": tokens * epochs / (seconds - evaluating) or None,
        "rows_per_second": len(rows) * epochs / (seconds - evaluating) or None,
        "training_loss": curve(training, "loss"),
        "validation_loss": curve(validation, "eval_loss"),
        "peak_gpu_bytes": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None,
    }
