"""Run LlamaFactory's training on a rendered YAML, and keep its adapter and its record."""

import resource
import shutil
from pathlib import Path
from typing import Any

import yaml

from finintent.errors import TrainingError
from finintent.files import read_json, write_json
from finintent.logs import logged, logger
from finintent.machine.lock import exclusive_accelerator
from finintent.machine.meter import metered, peak_host_bytes, total
from finintent.progress import showing
from finintent.training.fallback import OUT_OF_MEMORY, ending, smaller
from finintent.training.records import collect_adapter, drop_other_runs, last_checkpoint_step, training_record
from finintent.training.run import run_llamafactory
from finintent.training.watching import training_status
from finintent.versions import installed_versions


def main(*, config: str, data: dict[str, Any], adapter: Path, output: str, log: Path) -> None:
    settings = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    checkpoints = Path(settings["output_dir"])
    drop_other_runs(checkpoints)
    attempts = []
    while True:
        resumed_step = last_checkpoint_step(checkpoints)
        begun = log.stat().st_size
        with (
            exclusive_accelerator(),
            metered() as job,
            showing(lambda: training_status(checkpoints)),
        ):
            attempts.append(job)
            status = run_llamafactory("train", config)
        if not status:
            break
        said = log.read_bytes()[begun:]
        full = OUT_OF_MEMORY.search(said)
        less = smaller(settings) if full else None
        if less is None:
            why = (
                "found too little memory on the GPU even for one row at once; free it of other processes (nvidia-smi), "
                "set training.llamafactory.quantization_bit to 4, lower cutoff_len, or use a larger card"
                if full
                else f"{ending(status, said)}. Checkpoints are kept: once the cause is fixed, the next run resumes "
                "from the last finished epoch"
            )
            raise TrainingError(f"`finintent train {config}` {why}")
        settings, config = less, f"{checkpoints}.yaml"
        checkpoints.mkdir(parents=True, exist_ok=True)
        Path(config).write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
        logger.info(
            "The GPU's memory did not suffice. Training continues with the same optimizer steps in smaller parts: "
            "%d rows at once, %d times, %s gradient checkpointing",
            settings["per_device_train_batch_size"],
            settings["gradient_accumulation_steps"],
            "without" if settings["disable_gradient_checkpointing"] else "with",
        )
    collect_adapter(checkpoints, adapter)
    rows = data["rows"]["train"]
    write_json(
        output,
        {
            **training_record(checkpoints, rows, resumed_step),
            "rows": rows,
            "peak_memory_bytes": peak_host_bytes(resource.RUSAGE_CHILDREN),
            **total(attempts),
            "data_sha256": data["sha256"],
            "versions": installed_versions(),
            "seed": settings["seed"],
            "settings": settings,
        },
    )
    shutil.rmtree(checkpoints)
    Path(f"{checkpoints}.yaml").unlink(missing_ok=True)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            config=snakemake.input.config,
            data=read_json(snakemake.input.record),
            adapter=Path(snakemake.output.adapter),
            output=snakemake.output.training,
            log=Path(snakemake.log[0]),
        )
