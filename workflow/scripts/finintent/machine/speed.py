"""How fast the cards and processors are that jobs run on: measured where this project ran, else assumed.

A pass of a model takes the longest of three times: to launch its kernels, to multiply, and to read its weights. Small
models on a large card wait for the processor that launches their kernels, whatever their size.
"""

from dataclasses import dataclass

from finintent.config.gpu import Card

TERA, GIGA = 10**12, 10**9


@dataclass(frozen=True)
class Device:
    """What a job's time depends on. Times are in seconds, rates are per second.

    Attributes:
        name: of the card, or "CPU".
        memory_gb: nominal memory of a card, None for a processor.
        training_flops: floating-point operations of a training's products.
        reading_flops: the same where text is only read, as in evaluation.
        logit_flops: the same of evaluation's logits, which are float32.
        bandwidth: bytes of weights.
        step, step_layer: launching a forward and a backward pass, and the part of each layer.
        replay, replay_layer: the same of passes that were recorded as a CUDA graph.
        recording: recording the graphs of a training.
        read, read_layer: the same of a forward pass.
        imports: from the start of a job's process until it holds the accelerator.
        plan: planning a training, which counts tokens on a GPU.
        training_start: from the start of a training job to its first step, and from its last one to its end.
        merge: merging an adapter, without the weights.
        check: checking that merge, without the weights.
        warm_up: what the first passes of an evaluation take in addition.
        measured: whether this project measured them there.
    """

    name: str
    memory_gb: float | None
    training_flops: float
    reading_flops: float
    logit_flops: float
    bandwidth: float
    step: float
    step_layer: float
    replay: float
    replay_layer: float
    recording: float
    read: float
    read_layer: float
    imports: float
    plan: float
    training_start: float
    merge: float
    check: float
    warm_up: float
    measured: bool


def _gpu(name: str, memory_gb: float, tflops: float, gigabytes: float, host: float = 1.0) -> Device:
    """Return a card by its share of an H100's operations, and by how slow its machines' processors are (`host`)."""
    return Device(
        name=name, memory_gb=memory_gb, training_flops=tflops * TERA, reading_flops=tflops * TERA,
        logit_flops=tflops * TERA, bandwidth=gigabytes * GIGA, step=0.15 * host, step_layer=0.003 * host,
        replay=0.02 * host, replay_layer=0.0012 * host, recording=5 * host,
        read=0.018 * host, read_layer=0.0003 * host, imports=13 * host, plan=15 * host,
        training_start=19 * host, merge=16.5 * host, check=2.1 * host, warm_up=1.0 * host,
        measured=name in ("H100", "H200"),
    )  # fmt: skip


# TFLOP/s: an H100 reaches 374 in training at full load, 0.38 of its data sheet; the others are that share of theirs.
GPUS: dict[Card, Device] = {
    "A10G": _gpu("A10G", 24, 27, 600, host=1.4),
    "A100": _gpu("A100", 80, 119, 2000, host=1.2),
    "H100": _gpu("H100", 80, 374, 3350),
    "H200": _gpu("H200", 141, 374, 4800),
}
# Of one core with AVX-512's bfloat16: fitted to the default study on two cores of an AMD EPYC (Zen 4). Without such
# hardware jobs compute in float32, which takes 2.3 times as long there.
CORE_TRAINING, CORE_READING = 77 * GIGA, 165 * GIGA
FLOAT32 = 2.3


def processor(cores: int, *, bf16: bool) -> Device:
    """Return what so many cores compute, in bfloat16 or in float32."""
    factor = cores if bf16 else cores / FLOAT32
    return Device(
        name="CPU", memory_gb=None, training_flops=factor * CORE_TRAINING, reading_flops=factor * CORE_READING,
        logit_flops=cores * CORE_READING / FLOAT32, bandwidth=20 * GIGA, step=0, step_layer=0, replay=0,
        replay_layer=0, recording=0, read=0,
        read_layer=0.0015, imports=10, plan=8, training_start=15, merge=15, check=12, warm_up=0, measured=bf16,
    )  # fmt: skip


def gpu_named(product: str) -> Device | None:
    """Return the card of a driver's name of it, such as "NVIDIA H100 80GB HBM3", None where its speed is unknown."""
    words = product.replace("-", " ").split()
    return next((gpu for name, gpu in GPUS.items() if name in words), None)
