"""Run `llamafactory-cli train` on a rendered YAML and keep its adapter and its record."""

import resource
import shutil
import subprocess
from pathlib import Path

import yaml
from finintent.accelerator import child_environment, exclusive_accelerator
from finintent.errors import TrainingError
from finintent.files import read_json, write_json
from finintent.logs import logged
from finintent.provenance import device_name, installed_versions
from finintent.training import collect_adapter, last_checkpoint_step, training_record


def main(config: str, adapter: Path, output: str) -> None:
    settings = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    checkpoints = Path(settings["output_dir"])
    drop_other_runs(checkpoints)
    with exclusive_accelerator():
        resumed_step = last_checkpoint_step(checkpoints)
        command = ["llamafactory-cli", "train", config]
        print("$", *command, flush=True)
        status = subprocess.run(command, env=child_environment(), check=False).returncode
    if status:
        raise TrainingError(
            f"`{' '.join(command)}` ended with status {status}; the log has its words. Run the same command line "
            "again: it resumes from the last finished epoch"
        )
    collect_adapter(checkpoints, adapter)
    rows = len(read_json(Path(settings["dataset_dir"]) / "train.json"))
    write_json(
        output,
        {
            **training_record(checkpoints, rows, resumed_step),
            "rows": rows,
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
            "device": device_name(),
            "versions": installed_versions(),
            "seed": settings["seed"],
            "settings": settings,
        },
    )
    shutil.rmtree(checkpoints)


def drop_other_runs(checkpoints: Path) -> None:
    """Delete the checkpoints of runs with other settings or data, of which none can be resumed any more."""
    if checkpoints.parent.is_dir():
        for other in checkpoints.parent.iterdir():
            if other != checkpoints:
                shutil.rmtree(other)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input.config, Path(snakemake.output.adapter), snakemake.output.training)
