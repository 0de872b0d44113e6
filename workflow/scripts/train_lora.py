"""Run `llamafactory-cli train` on a rendered YAML and keep its adapter and its record."""

import resource
import shutil
import sys
from pathlib import Path

import yaml

from finintent.accelerator import run_llamafactory
from finintent.alpaca import SPLITS
from finintent.errors import TrainingError
from finintent.files import read_json, sha256, write_json
from finintent.logs import logged
from finintent.provenance import device_name, installed_versions
from finintent.training import collect_adapter, last_checkpoint_step, training_record

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in ru_maxrss


def main(config: str, adapter: Path, output: str) -> None:
    settings = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    checkpoints = Path(settings["output_dir"])
    drop_other_runs(checkpoints)
    resumed_step = last_checkpoint_step(checkpoints)
    if status := run_llamafactory("train", config):
        raise TrainingError(
            f"`llamafactory-cli train {config}` ended with status {status}; the log has its words. What was trained is "
            "kept: once the cause is mended, the next run resumes from the last finished epoch"
        )
    collect_adapter(checkpoints, adapter)
    data = Path(settings["dataset_dir"])
    rows = len(read_json(data / "train.json"))
    write_json(
        output,
        {
            **training_record(checkpoints, rows, resumed_step),
            "rows": rows,
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * RSS_UNIT,
            "device": device_name(),
            "data_sha256": {split: sha256(data / f"{split}.json") for split in SPLITS},
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
            if other != checkpoints and other.is_dir():
                shutil.rmtree(other)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input.config, Path(snakemake.output.adapter), snakemake.output.training)
