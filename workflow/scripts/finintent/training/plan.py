"""What is decided before training: rows that are too long, and the fastest way to form batches that fits a GPU."""

import logging
from collections.abc import Iterator
from pathlib import Path

from finintent.errors import ConfigError
from finintent.files import read_json
from finintent.training.memory import GIB, Batching, Shape, training_bytes, validation_bytes

logger = logging.getLogger(__name__)


def original(batch_size: int) -> Batching:
    """Return the batching of the original study: one row at a time."""
    return Batching(1, batch_size, checkpointing=True, fused=False)


def batchings(batch_size: int, fused: bool) -> Iterator[Batching]:
    """Yield the ways to form a batch, fastest first.

    With billions of parameters, half of a batch without checkpointing needs more memory than the whole batch with it.
    """
    yield Batching(batch_size, 1, False, fused)
    for micro_batch in range(batch_size, 0, -1):
        if batch_size % micro_batch == 0:
            yield Batching(micro_batch, batch_size // micro_batch, True, fused)


# A token is at least one byte of text. The longest system prompt among LlamaFactory's templates has 1042 bytes.
TEMPLATE_BYTES = 1200


def surely_fits(template: str | None, paths: list[str], limit: int) -> bool:
    """Return whether the bytes of the longest row of an Alpaca set, and of any template, are within `limit` tokens.

    Counting tokens needs LlamaFactory, which takes ten seconds to import.
    """
    rows = [row for path in paths for row in read_json(path)]
    longest = max((len((row["instruction"] + row["output"]).encode()) for row in rows), default=0)
    return template is not None and longest + TEMPLATE_BYTES <= limit


def row_lengths(model: str, template: str | None, paths: list[str]) -> list[int]:
    """Return the number of tokens (prompt and answer) of each row in some files of an Alpaca set."""
    from finintent.inference.prompting import Prompter  # LlamaFactory is slow to import

    prompter = Prompter(model, template)
    rows = [row for path in paths for row in read_json(path)]
    return [sum(map(len, prompter.encode(row["instruction"], row["output"]))) for row in rows]


def check_lengths(lengths: list[int], limit: int, cut_rows: bool) -> None:
    """Check that no row is cut, unless that is asked for; then it is logged.

    Raises:
        ConfigError: rows are longer than `limit` tokens, and `cut_rows` is false.
    """
    longer = [length for length in lengths if length > limit]
    if not longer:
        return
    found = f"{len(longer)} of {len(lengths)} rows are longer than training.cutoff_len, {limit} tokens"
    if not cut_rows:
        raise ConfigError(
            f"config: {found}, so that parts of their prompts, such as options, would be cut out; raise it to "
            f"{max(longer)}, or set training.cut_rows to true"
        )
    logger.info("%s; they are cut, as training.cut_rows asks", found)


def check_targets(model: str, targets: str | None) -> None:
    """Check that the modules that are to get an adapter are the model's.

    Raises:
        ConfigError: the model has no module of one of the names.
    """
    if targets in (None, "all"):
        return
    import torch
    from transformers.pytorch_utils import Conv1D

    from finintent.models.weights import model_class

    described = model_class(Path(model))
    linear = (torch.nn.Linear, Conv1D)
    names = {name for name, _ in described.named_modules()}
    for target in (part.strip() for part in targets.split(",")):
        if not any(name == target or name.endswith(f".{target}") for name in names):
            own = {name.rsplit(".")[-1] for name, part in described.named_modules() if isinstance(part, linear)}
            raise ConfigError(
                f"config: training.lora_target names {target!r}, which {type(described).__name__} does not have; name "
                f"some of {', '.join(sorted(own))}, or all"
            )


def validation_batch(shape: Shape, asked: int, tokens: int, *, available: float, bits: int | None = None) -> int:
    """Return how many rows to validate at once: `asked`, halved until the estimate is within `available` bytes."""
    while asked > 1 and validation_bytes(shape, asked, tokens, bits) > available:
        asked //= 2
    return asked


def fastest(
    shape: Shape, batch_size: int, tokens: int, *, fused: bool, available: float, bits: int | None = None
) -> Batching:
    """Return the fastest way to form a batch that fits into `available` bytes.

    Raises:
        ConfigError: even one row at a time does not fit.
    """
    for batching in batchings(batch_size, fused):
        if training_bytes(shape, batching, tokens, bits) <= available:
            return batching
    needed = training_bytes(shape, batching, tokens, bits) / GIB
    raise ConfigError(
        f"config: training on one row of {tokens} tokens needs {needed:.1f} GiB, but the GPU (gpu.memory_gb, or this "
        f"machine's) has {available / GIB:.1f} for it; use a larger one, or set "
        "training.llamafactory.quantization_bit to 4"
    )
