"""LlamaFactory's training, minus two costs that do not change results."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml
from llamafactory.train.tuner import run_exp
from peft.helpers import disable_input_dtype_casting
from transformers import TrainerCallback

from finintent.inference.compute import skip_cudnn_attention


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


def train(config: Path) -> None:
    """Run LlamaFactory's training on a YAML file, as `llamafactory-cli train` does."""
    skip_cudnn_attention()
    run_exp(yaml.safe_load(config.read_text(encoding="utf-8")), [KeepInputs()])
