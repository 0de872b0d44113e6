"""LlamaFactory's training, without what costs time or memory and changes nothing but rounding."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml
from llamafactory.train.tuner import run_exp
from peft.helpers import disable_input_dtype_casting
from transformers import TrainerCallback

from finintent.inference.compute import skip_cudnn_attention


class KeepInputs(TrainerCallback):
    """Let adapters take their inputs as they are.

    Adapters are kept in float32 and, with `bf16`, computed in bfloat16. PEFT casts the input of each to float32, and
    autocast casts that back: the same numbers, but each adapter then holds a copy of its own for the backward pass, 8
    bytes of the hidden width a token and layer in all. Without autocast they need the cast.
    """

    def __init__(self) -> None:
        self._training = ExitStack()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        self._training.enter_context(disable_input_dtype_casting(model, active=args.bf16))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._training.close()


def train(config: Path) -> None:
    """Do what `llamafactory-cli train` does with that YAML file."""
    skip_cudnn_attention()
    run_exp(yaml.safe_load(config.read_text(encoding="utf-8")), [KeepInputs()])
