"""The fastest way to form batches that fits into a GPU's memory."""

from collections.abc import Iterator

from finintent.errors import ConfigError
from finintent.files import read_json
from finintent.training.memory import GIB, Batching, Shape, training_bytes, validation_bytes


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


def longest_row(model: str, template: str | None, paths: list[str]) -> int:
    """Return the number of tokens (prompt and answer) of the longest row in some files of an Alpaca set."""
    from finintent.inference.prompting import Prompter  # LlamaFactory is slow to import

    prompter = Prompter(model, template)
    rows = [row for path in paths for row in read_json(path)]
    return max(sum(map(len, prompter.encode(row["instruction"], row["output"]))) for row in rows)


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
