"""How this process computes: precision, threads and attention kernels."""

import joblib
import torch


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


def use_every_core() -> None:
    """Let torch use the whole CPU where it stands in for a GPU, as far as affinity and a container's quota allow.

    Snakemake's `--cores 1` says one job at a time and exports OMP_NUM_THREADS=1 and its like; a job that holds the
    machine's accelerator has it to itself, so the idle cores are its own.
    """
    if not torch.cuda.is_available():
        torch.set_num_threads(joblib.cpu_count())


def skip_cudnn_attention() -> None:
    """Let this process compute attention by PyTorch's other kernels.

    On Hopper and later PyTorch prefers cuDNN's, which builds a plan for each new length of a batch, on an H100 half a
    second of it, and questions and rows come in many lengths.
    """
    torch.backends.cuda.enable_cudnn_sdp(False)
