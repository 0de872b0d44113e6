"""The one accelerator of a machine: who may use it, with which precision, on how many cores where it is the CPU."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

# One path for the whole machine: TMPDIR, which schedulers and Snakemake set for each job, must not part two jobs.
LOCK = Path("/tmp" if os.name == "posix" else tempfile.gettempdir()) / "finintent-gpu.lock"  # noqa: S108


@contextmanager
def exclusive_accelerator() -> Iterator[None]:
    """Hold the machine's accelerator lock, so that jobs of two Snakemake processes never share the card.

    The lock is the operating system's: it is freed when its holder ends, however it ends.
    """
    # Of a GPU, memory that grows in place: rows of many lengths would leave gaps in it.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    lock = FileLock(LOCK, mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for another job on this machine to free {lock.lock_file}", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def cores() -> int:
    """Return the number of CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_every_core() -> None:
    """Let torch use the whole CPU where it stands in for a GPU.

    Snakemake's `--cores 1` says one job at a time and exports OMP_NUM_THREADS=1 and its like; a job that holds the
    machine's accelerator has it to itself, so the idle cores are its own.
    """
    if not torch.cuda.is_available():
        torch.set_num_threads(cores())


def skip_cudnn_attention() -> None:
    """Let this process compute attention by PyTorch's other kernels.

    On Hopper and later PyTorch prefers cuDNN's, which builds a plan for each new length of a batch, on an H100 half a
    second of it, and questions and rows come in many lengths.
    """
    torch.backends.cuda.enable_cudnn_sdp(False)


def uses_bf16(precision: str) -> bool:
    """Resolve a configured precision on this machine: bf16, fp32, or auto.

    auto is bfloat16 where its matrix products are native, else float32: a GPU of Ampere or later, a CPU with AMX or
    with AVX-512's bfloat16 (2.3 times the speed of float32 on a Zen 4).
    """
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def ending(status: int) -> str:
    """Return in words how a process ended that `run_llamafactory` started, and what to do."""
    if status == -signal.SIGKILL:
        return "was killed: most often the machine's memory ran out; free some, or take a machine with more"
    return f"ended with status {status}; the log has its words"


def run_llamafactory(command: str, config: str) -> int:
    """Run LlamaFactory's `train` or `export` on a YAML file, print the line that does, and return its exit status.

    The caller holds the accelerator. Training goes by `finintent train`, which saves memory and, on some GPUs, time.

    On a CPU it gets all cores, and a C allocator that keeps freed memory instead of giving it back to the kernel after
    each training step: 2.65 s a step instead of 3.0 s on two cores (glibc only; ignored elsewhere). Of several GPUs it
    sees the first: it would train on all of them at once, with that many times the rows in a step.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if torch.cuda.is_available():
        environment |= {
            "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
            # Into LlamaFactory's training log. The other way, transformers' memory tracker, polls without a pause in a
            # thread that takes the interpreter from the one that launches kernels.
            "RECORD_VRAM": "1",
        }
    else:
        environment |= {
            "OMP_NUM_THREADS": str(cores()),
            "MKL_NUM_THREADS": str(cores()),
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_MMAP_MAX_": "0",
            "MALLOC_TRIM_THRESHOLD_": str(2**40),
        }
    line = ["finintent" if command == "train" else "llamafactory-cli", command, config]
    print("$", *line, flush=True)
    return subprocess.run(line, env=environment, check=False).returncode
