"""LlamaFactory's training, minus three costs that do not change results, and ended where it diverges."""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from datasets.exceptions import DatasetsError
from llamafactory.extras.constants import IGNORE_INDEX
from llamafactory.model import loader
from llamafactory.train.sft import workflow
from llamafactory.train.tuner import run_exp
from peft.helpers import disable_input_dtype_casting
from transformers import TrainerCallback

from finintent.errors import TrainingError
from finintent.files import one_line
from finintent.inference.compute import skip_cudnn_attention
from finintent.inference.plain_text import template_and_fixed_tokenizer

TRAINER = "CustomSeq2SeqTrainer"  # LlamaFactory's


class AnswerTrainer(workflow.CustomSeq2SeqTrainer):
    """LlamaFactory's trainer, computing the logits of the answers' tokens alone, where it trains on a CPU.

    An answer has about 5 of a row's 105 tokens, and only they enter the loss. The logits of the others were a third of
    a step of gemma-3-270m: its 53,424 pieces weigh as much as a third of its layers.
    """

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return the loss of a batch; see transformers.Trainer."""
        changed = self.label_smoother is not None or self.compute_loss_func is not None  # these read every logit
        if changed or not self.args.use_cpu:
            return super().compute_loss(model, inputs, *args, **kwargs)
        following = torch.nn.functional.pad(inputs["labels"][:, 1:], (0, 1), value=IGNORE_INDEX)
        answered = following != IGNORE_INDEX
        hook = (
            self.accelerator.unwrap_model(model)
            .get_output_embeddings()
            .register_forward_pre_hook(lambda _, hidden: (hidden[0][answered].unsqueeze(0),))
        )
        with ExitStack() as stack:
            stack.callback(hook.remove)
            return super().compute_loss(
                model, inputs | {"shift_labels": following[answered].unsqueeze(0)}, *args, **kwargs
            )


class KeepInputs(TrainerCallback):
    """Stops PEFT from casting the inputs of adapters when training in bfloat16.

    Adapters are kept in float32 and, with `bf16`, computed in bfloat16. PEFT casts the input of each adapter to
    float32, and autocast casts it back. The values are the same, but each adapter then keeps its own copy for the
    backward pass: in all, 8 bytes for each token, layer and unit of the hidden width. Without autocast, adapters need
    the cast.
    """

    def __init__(self) -> None:
        self._training = ExitStack()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Disable the cast."""
        self._training.enter_context(disable_input_dtype_casting(model, active=args.bf16))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Enable it again."""
        self._training.close()


class StopAtNoNumber(TrainerCallback):
    """Ends training at the first loss that is logged and is not a finite number: nothing after it can be of use."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Raise TrainingError for such a loss, of training or validation."""
        for name, value in (logs or {}).items():
            if name.endswith("loss") and isinstance(value, float) and not math.isfinite(value):
                raise TrainingError(
                    f"{name} is {value} at step {state.global_step} of {state.max_steps}: training diverged. Lower "
                    f"training.learning_rate, which is {args.learning_rate:g}, or raise training.warmup_ratio; if that "
                    "does not help, check the rows and the base model"
                )


def train(settings: dict[str, Any], source: Path) -> None:
    """Run LlamaFactory's training, as `llamafactory-cli train` does on a YAML file.

    Args:
        settings: what the file holds.
        source: the file.

    Raises:
        TrainingError: a loss is not a finite number, or LlamaFactory or a library of its refuses an argument, a file or
            a package.
    """
    skip_cudnn_attention()
    # With the filter, transformers would log the last finite loss in place of one that is not.
    with (
        _refusals(source),
        patch.object(workflow, "get_template_and_fix_tokenizer", template_and_fixed_tokenizer),
        _on_a_card() if settings.get("enable_liger_kernel") else patch.object(workflow, TRAINER, AnswerTrainer),
    ):
        run_exp(settings | {"logging_nan_inf_filter": False}, [KeepInputs(), StopAtNoNumber()])


@contextmanager
def _on_a_card() -> Iterator[None]:
    """Train by the fast preset's trainer and kernels."""
    from finintent.training.card_trainer import CardTrainer
    from finintent.training.kernels import apply_kernels  # Liger, which only Linux has

    with patch.object(workflow, TRAINER, CardTrainer), patch.object(loader, "apply_liger_kernel", apply_kernels):
        yield


@contextmanager
def _refusals(source: Path) -> Iterator[None]:
    """Turn what LlamaFactory and its libraries raise for what they refuse into one sentence."""
    try:
        yield
    except (DatasetsError, ImportError, OSError, ValueError) as error:
        cause = error.__cause__ or error  # the reason that a row could not be read, of an error that only says that
        raise TrainingError(
            f"{source}: LlamaFactory refuses an argument, or what it names ({type(cause).__name__}: "
            f"{one_line(cause, 300)}); correct it; `llamafactory-cli train {source}` shows where it ended"
        ) from None
