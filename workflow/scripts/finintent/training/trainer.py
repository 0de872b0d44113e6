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
from finintent.inference.last_layer import last_layer_at
from finintent.inference.plain_text import template_and_fixed_tokenizer
from finintent.training.lean_layers import lean_layers
from finintent.training.rows import Rows

TRAINER = "CustomSeq2SeqTrainer"  # LlamaFactory's


class AnswerTrainer(workflow.CustomSeq2SeqTrainer):
    """LlamaFactory's trainer, which computes on a CPU only what the loss needs.

    An answer has about 5 of a row's 105 tokens, and only their logits enter the loss. What the rows of a batch begin
    with is computed once, and padding not at all.
    """

    _reads_rows = False  # whether a batch is read as one sequence; one that packs several examples in a row is not

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train; see transformers.Trainer."""
        if not (self.args.use_cpu and torch.backends.mkldnn.is_available()):
            return super().train(*args, **kwargs)
        with lean_layers(self.model, torch.bfloat16 if self.args.bf16 else torch.float32) as self._reads_rows:
            return super().train(*args, **kwargs)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return the loss of a batch; see transformers.Trainer."""
        changed = self.label_smoother is not None or self.compute_loss_func is not None  # these read every logit
        if changed or not self.args.use_cpu:
            return super().compute_loss(model, inputs, *args, **kwargs)
        following = torch.nn.functional.pad(inputs["labels"][:, 1:], (0, 1), value=IGNORE_INDEX)
        answered = following != IGNORE_INDEX
        inputs = inputs | {"shift_labels": following[answered][None]}
        asked = answered.flatten().nonzero()[:, 0]
        base = self.accelerator.unwrap_model(model).get_base_model()
        with ExitStack() as stack:
            if self._reads_rows and inputs.keys() == {"input_ids", "attention_mask", "labels", "shift_labels"}:
                # What is shared ends before the first token that the loss of a row takes as its context.
                limit = int(answered.any(0).long().argmax())
                rows = Rows.of(inputs["input_ids"], inputs.pop("attention_mask").bool(), limit)
                asked = rows.columns[answered]
                ids = inputs["input_ids"].flatten()[rows.places][None]
                inputs |= {"input_ids": ids, "position_ids": rows.positions[None], "rows": rows}
                stack.enter_context(last_layer_at(base, asked))
            hook = base.get_output_embeddings().register_forward_pre_hook(
                lambda _, hidden: (hidden[0].flatten(0, 1)[asked][None],)
            )
            stack.callback(hook.remove)
            return super().compute_loss(model, inputs, *args, **kwargs)


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
