"""Run `llamafactory-cli train` on a rendered YAML and keep its adapter and its record."""

import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from finintent.accelerator import exclusive_accelerator, run_llamafactory
from finintent.alpaca import SPLITS
from finintent.errors import TrainingError
from finintent.files import read_json, sha256, write_json
from finintent.hardware import metered
from finintent.logs import logged
from finintent.provenance import installed_versions
from finintent.training import collect_adapter, last_checkpoint_step, smaller, training_record

OUT_OF_MEMORY = b"OutOfMemoryError"  # PyTorch's exception, in the traceback of LlamaFactory's process
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in ru_maxrss


def main(config: str, adapter: Path, output: str, log: Path, say: Callable[[str], None]) -> None:
    settings = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    checkpoints = Path(settings["output_dir"])
    drop_other_runs(checkpoints)
    while True:
        resumed_step = last_checkpoint_step(checkpoints)
        begun = log.stat().st_size
        with exclusive_accelerator(), metered() as job:
            status = run_llamafactory("train", config)
        if not status:
            break
        less = smaller(settings) if OUT_OF_MEMORY in log.read_bytes()[begun:] else None
        if less is None:
            raise TrainingError(
                f"`llamafactory-cli train {config}` ended with status {status}; the log has its words. What was "
                "trained is kept: once the cause is mended, the next run resumes from the last finished epoch"
            )
        settings, config = less, f"{checkpoints}.yaml"
        checkpoints.mkdir(parents=True, exist_ok=True)
        Path(config).write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
        say(
            "The GPU's memory did not suffice. Training goes on with the same optimizer steps in smaller parts: "
            f"{settings['per_device_train_batch_size']} rows at once, {settings['gradient_accumulation_steps']} times, "
            f"{'without' if settings['disable_gradient_checkpointing'] else 'with'} gradient checkpointing"
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
            **job,
            "data_sha256": {split: sha256(data / f"{split}.json") for split in SPLITS},
            "versions": installed_versions(),
            "seed": settings["seed"],
            "settings": settings,
        },
    )
    shutil.rmtree(checkpoints)
    Path(f"{checkpoints}.yaml").unlink(missing_ok=True)


def drop_other_runs(checkpoints: Path) -> None:
    """Delete the checkpoints of runs with other settings or data, of which none can be resumed any more."""
    if checkpoints.parent.is_dir():
        for other in checkpoints.parent.iterdir():
            if other != checkpoints and other.is_dir():
                shutil.rmtree(other)


if "snakemake" in globals():
    with logged(snakemake.log[0]) as say:
        main(
            snakemake.input.config,
            Path(snakemake.output.adapter),
            snakemake.output.training,
            Path(snakemake.log[0]),
            say,
        )
