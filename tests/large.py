"""A large study of tiny models, and what its dry run costs: `python tests/large.py [models] [data sets]`."""

import copy
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tiny import DATASET, make_workspace, tiny_config


def make_large_study(directory: Path, models: int, datasets: int) -> Path:
    """Return a workspace with a study of every model on every data set; the models are empty folders."""
    config = tiny_config({f"tiny-{number}": Path(f"models/tiny-{number}") for number in range(models)})
    dataset = config["datasets"].pop(DATASET)
    dataset["generation"]["recorded"]["dataset"] = DATASET
    config["datasets"] = {f"topics_{number}": copy.deepcopy(dataset) for number in range(datasets)}
    config["study"]["datasets"] = list(config["datasets"])
    workspace = make_workspace(directory / "study", config)
    for model in config["models"]:
        (workspace / "models" / model).mkdir(parents=True)
        (workspace / "models" / model / "config.json").write_text("{}")
    return workspace


def main(models: int = 100, datasets: int = 20) -> None:
    """Print the time and the memory of a dry run that lists no job, as Snakemake advises for large studies."""
    with tempfile.TemporaryDirectory() as directory:
        workspace = make_large_study(Path(directory), models, datasets)
        began = time.perf_counter()
        command = ["snakemake", "--cores", "1", "--dry-run", "--quiet"]
        subprocess.run(command, cwd=workspace, check=True, capture_output=True)
        seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{models} models on {datasets} data sets: {seconds:.0f} s, {used.ru_maxrss / 1000:.0f} MB at most")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
