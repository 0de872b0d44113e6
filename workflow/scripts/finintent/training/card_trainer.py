"""LlamaFactory's trainer for the fast preset on a GPU: the same optimizer steps, by fewer kernels on fewer tokens.

A step of a few rows takes as long as the launches of its kernels: 0.2 s for thousands of them, whatever the model. So
adapters are computed with their layers, rows are packed, of the logits only those of the answers are computed, and what
is left is recorded once for each number of tokens, as a CUDA graph, which is then launched as a whole.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
from llamafactory.extras.constants import IGNORE_INDEX
from llamafactory.train.sft.trainer import CustomSeq2SeqTrainer
from torch.nn.functional import pad
from torch.utils.data import DataLoader

from finintent.training.fused_adapters import fuse_adapters
from finintent.training.packed_rows import ATTENTION, PackedRows, Packing

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Recorded:
    """The forward and backward pass of a batch as a CUDA graph: its inputs, which are written to, and its loss."""

    graph: torch.cuda.CUDAGraph
    inputs: dict[str, torch.Tensor]
    loss: torch.Tensor


class CardTrainer(CustomSeq2SeqTrainer):
    """LlamaFactory's trainer, of models whose layers are applied to each token apart, but for attention."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        fuse_adapters(self.model)
        self._packing = self._fitting_packing()
        self._records = bool(self._packing) and self.args.n_gpu == 1 and not self.model.is_gradient_checkpointing
        self._recorded: dict[tuple[tuple[int, ...], ...], _Recorded] = {}
        self._pool: Any = None
        self._gradients: list[tuple[torch.nn.Parameter, torch.Tensor]] = []
        self._warm = False

    def _fitting_packing(self) -> Packing | None:
        """Return how training rows are packed, None where the options or the model's attention do not allow it."""
        config, rows = self.model.config, self.train_dataset
        every_logit_is_read = self.label_smoother is not None or self.compute_loss_func is not None
        if rows is None or every_logit_is_read or config._attn_implementation != "sdpa":
            return None
        if self.data_collator.block_diag_attn or self.data_collator.neat_packing or not hasattr(rows, "column_names"):
            return None
        width = -(-(max(map(len, rows["input_ids"])) + 1) // 8) * 8
        if width > (getattr(config, "sliding_window", None) or math.inf):
            return None
        answers = max(sum(label != IGNORE_INDEX for label in labels) for labels in rows["labels"])
        return Packing(self.data_collator, width, answers)

    def get_train_dataloader(self) -> DataLoader:
        """Return the loader of the training rows, packed."""
        with ExitStack() as stack:
            if self._packing:
                stack.enter_context(patch.object(self, "data_collator", self._packing))
            return super().get_train_dataloader()

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], *args: Any, **kwargs: Any) -> Any:
        """Return the loss of a batch, packed or padded; see transformers.Trainer."""
        if self.label_smoother is not None or self.compute_loss_func is not None:
            return super().compute_loss(model, inputs, *args, **kwargs)
        inputs = dict(inputs)
        whole = self.accelerator.unwrap_model(model)
        with ExitStack() as stack:
            if "slots" in inputs:
                places, labels = inputs.pop("places"), inputs["labels"]
                inputs["packed_rows"] = PackedRows(inputs.pop("columns"), inputs.pop("slots"), self._packing.width)
                stack.enter_context(_attention(whole.config, ATTENTION))
            else:
                following = pad(inputs["labels"][:, 1:], (0, 1), value=IGNORE_INDEX).flatten()
                places = (following != IGNORE_INDEX).nonzero()[:, 0]
                labels = following[places][None]
            hook = whole.get_output_embeddings().register_forward_pre_hook(
                lambda _, hidden: (hidden[0].flatten(0, 1)[places][None],)
            )
            stack.callback(hook.remove)
            return super().compute_loss(model, inputs | {"shift_labels": labels}, *args, **kwargs)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Compute the loss and the gradients of a batch; see transformers.Trainer.

        The first batch is not recorded: it loads and compiles kernels.
        """
        if not (self._records and self._warm and torch.is_tensor(num_items_in_batch)):
            self._warm = True
            return super().training_step(model, inputs, num_items_in_batch)
        inputs = self._prepare_inputs(inputs) | {"items": num_items_in_batch}
        self._attach_gradients()
        key = tuple(tuple(values.shape) for values in inputs.values())
        if key not in self._recorded:
            try:
                self._recorded[key] = self._record(model, {name: values.clone() for name, values in inputs.items()})
            except RuntimeError as error:
                logger.info("Training steps are not recorded as CUDA graphs: %s", error)
                self._records = False
                self._recorded.clear()
                inputs.pop("items")
                return super().training_step(model, inputs, num_items_in_batch)
        recorded = self._recorded[key]
        for name, values in inputs.items():
            recorded.inputs[name].copy_(values)
        recorded.graph.replay()
        return recorded.loss.clone()

    def _attach_gradients(self) -> None:
        """Give each trained weight a gradient at a fixed address, zero where it has none yet."""
        if not self._gradients:
            trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
            self._gradients = [(parameter, torch.zeros_like(parameter)) for parameter in trained]
        if all(parameter.grad is gradient for parameter, gradient in self._gradients):
            return
        torch._foreach_zero_([gradient for _, gradient in self._gradients])
        for parameter, gradient in self._gradients:
            if parameter.grad is not None:
                gradient.copy_(parameter.grad)
            parameter.grad = gradient

    def _record(self, model: Any, inputs: dict[str, torch.Tensor]) -> _Recorded:
        """Record the forward and backward pass of a batch, which adds to the gradients that are attached."""
        torch.cuda.empty_cache()  # what a pass took outside the graphs' memory
        batch = {name: values for name, values in inputs.items() if name != "items"}
        graph = torch.cuda.CUDAGraph()
        # Kernels that are new at this number of tokens are loaded while recording, which the stricter modes forbid.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="relaxed"):
            loss = super().training_step(model, batch, inputs["items"])
        self._pool = graph.pool()
        return _Recorded(graph, inputs, loss)


@contextmanager
def _attention(config: Any, name: str) -> Iterator[None]:
    """Let a model compute attention by another function of transformers."""
    usual = config._attn_implementation
    config._attn_implementation = name
    try:
        yield
    finally:
        config._attn_implementation = usual
