"""Kill a training job at random moments, and compare what the next run makes with an undisturbed training.

    python tests/faults/kill_training.py --times 10

Each time the job's process gets SIGKILL when a random step has been logged. Then no process of the study may be left,
the next run has to go on from a checkpoint where there is one, and its adapter has to have the same bytes: one thread a
process keeps the arithmetic the same.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny import DATASET, make_workspace, snakemake, tiny_config, write_tiny_model

RUN = f"{DATASET}/letter/24-rows/seed-1"
ADAPTER = Path(f"results/sft/tiny/{RUN}/adapter")
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}


def main() -> None:
    """Run the trials; exit with 1 if one differs."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--times", type=int, default=10)
    arguments.add_argument("--seed", type=int, default=0, help="of the random moments")
    options = arguments.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(ENVIRONMENT, FININTENT_LOCKS=folder)
        config = tiny_config({"tiny": Path("models/tiny")})
        config["training"]["num_train_epochs"] = 100
        workspace = make_workspace(Path(folder) / "study", config)
        write_tiny_model(workspace / "models/tiny")
        snakemake(workspace, str(ADAPTER))
        steps, expected = training_record(workspace)["steps"], digest(workspace)
        print(f"undisturbed: {steps} steps, adapter {expected[:12]}", flush=True)
        wrong = 0
        for number in range(options.times):
            for name in (ADAPTER, f"results/checkpoints/tiny/{RUN}"):
                shutil.rmtree(workspace / name, ignore_errors=True)
            wrong += not trial(workspace, number, moments.randrange(1, steps), expected)
    print(f"{options.times - wrong} of {options.times} as undisturbed")
    sys.exit(wrong > 0)


def begin(workspace: Path) -> subprocess.Popen:
    """Start the training of the adapter."""
    return subprocess.Popen(
        ["snakemake", "--cores", "2", str(ADAPTER)],
        cwd=workspace,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def trial(workspace: Path, number: int, step: int, expected: str) -> bool:
    """Kill the job once LlamaFactory has logged a step, and train again; return whether all is as it should be."""
    run = begin(workspace)
    job = training_job(run)
    while logged_step(workspace) < step and run.poll() is None:
        time.sleep(0.005)
    job.send_signal(signal.SIGKILL)
    failed = run.wait() != 0
    time.sleep(0.5)
    left = [process.pid for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(workspace)]
    saved = saved_steps(workspace)
    snakemake(workspace, str(ADAPTER))
    resumed = training_record(workspace)["resumed_step"]
    same = digest(workspace) == expected
    print(
        f"{number}: killed at step {step} with {saved or 'no checkpoint'}: processes left {left}, "
        f"resumed from step {resumed}, same adapter {same}",
        flush=True,
    )
    return failed and not left and same and bool(resumed) == bool(saved)


def training_job(run: subprocess.Popen) -> psutil.Process:
    """Wait until the job has started LlamaFactory, and return the job's process."""
    while run.poll() is None:
        for process in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # ended, and perhaps not yet waited for
                if "finintent train" in " ".join(process.cmdline()):
                    return process.parent()
        time.sleep(0.05)
    raise RuntimeError("Snakemake ended before it trained")


def logged_step(workspace: Path) -> int:
    """Return the last step in the log of the training that runs; 0 before the first."""
    for log in (workspace / f"results/checkpoints/tiny/{RUN}").glob("*/trainer_log.jsonl"):
        if lines := log.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):  # half a line
                return json.loads(lines[-1])["current_steps"]
    return 0


def training_record(workspace: Path) -> dict[str, Any]:
    """Return what is recorded of the training that made the adapter."""
    return json.loads((workspace / ADAPTER.with_name("training.json")).read_text(encoding="utf-8"))


def saved_steps(workspace: Path) -> list[str]:
    """Return the names of the checkpoints of the training."""
    return sorted(path.name for path in (workspace / f"results/checkpoints/tiny/{RUN}").glob("*/checkpoint-*"))


def digest(workspace: Path) -> str:
    """Return the SHA-256 of the adapter's weights."""
    return hashlib.sha256((workspace / ADAPTER / "adapter_model.safetensors").read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
