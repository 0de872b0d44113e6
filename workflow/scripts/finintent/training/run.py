"""Running LlamaFactory as a child process."""

import logging
import os
import subprocess

import joblib
import torch

from finintent.machine.tied_process import tied

logger = logging.getLogger(__name__)


def run_llamafactory(command: str, config: str) -> int:
    """Run LlamaFactory's `train` or `export` on a YAML file, log the command line, and return its exit status.

    The caller must hold the accelerator's lock, and call from its main thread: the process ends with this one, however
    this one ends. Training runs as `finintent train`, which saves memory and, on some
    GPUs, time.

    On a CPU, the process gets all cores that this process may use, and a C allocator that keeps freed memory instead of
    giving it back to the kernel after each training step: 2.65 s a step instead of 3.0 s on two cores (glibc only;
    ignored elsewhere). Of several GPUs it gets the first only: LlamaFactory would train on all of them at once, which
    multiplies the rows in a step.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if torch.cuda.is_available():
        environment |= {
            "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
            # LlamaFactory then logs the peak memory. The alternative, transformers' memory tracker, polls without a
            # pause, in a thread that takes the interpreter's lock from the thread that launches kernels.
            "RECORD_VRAM": "1",
        }
    else:
        environment |= {
            "OMP_NUM_THREADS": str(joblib.cpu_count()),
            "MKL_NUM_THREADS": str(joblib.cpu_count()),
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_MMAP_MAX_": "0",
            "MALLOC_TRIM_THRESHOLD_": str(2**40),
        }
    line = ["finintent" if command == "train" else "llamafactory-cli", command, config]
    logger.debug("$ %s", " ".join(line))
    return subprocess.run(tied(line), env=environment, check=False).returncode
