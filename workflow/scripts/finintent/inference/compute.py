"""How this process computes: precision, threads and attention kernels."""

import ctypes
import sys

import joblib
import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # options of glibc's mallopt


def uses_bf16(precision: str) -> bool:
    """Return whether this machine computes in bfloat16 under a configured precision: bf16, fp32 or auto.

    auto is bfloat16 where the hardware multiplies it natively, else float32. Such hardware is a GPU of Ampere or later,
    and a CPU with AMX or with AVX-512's bfloat16 (2.3 times the speed of float32 on a Zen 4).
    """
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def use_every_core() -> None:
    """Let torch use all cores when there is no GPU, as far as affinity and a container's quota allow.

    Snakemake's `--cores 1` means one job at a time, but it also sets OMP_NUM_THREADS=1 and similar variables. A job
    that holds the accelerator's lock may use the idle cores.
    """
    if not torch.cuda.is_available():
        torch.set_num_threads(joblib.cpu_count())


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, when there is no GPU and its C library is glibc.

    By default, glibc returns large blocks to the kernel, which clears every page that is used again. That takes 5 % of
    the time in which a small model answers on a CPU.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option and not torch.cuda.is_available():
        set_option(M_MMAP_MAX, 0)
        set_option(M_TRIM_THRESHOLD, 2**31 - 1)


def skip_cudnn_attention() -> None:
    """Exclude cuDNN's attention kernels, so that this process uses PyTorch's others.

    On Hopper and later, PyTorch prefers cuDNN's kernels. They build a plan for each new length of a batch, which takes
    half a second on an H100, and questions and rows have many lengths.
    """
    torch.backends.cuda.enable_cudnn_sdp(False)
