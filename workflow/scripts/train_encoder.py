"""Fine-tune an encoder on the first training rows, and keep the model of its best epoch and its record."""

import resource
import shutil
from pathlib import Path
from typing import Any

from finintent.files import digest, read_json, read_jsonl, write_json
from finintent.logs import logged
from finintent.machine.lock import exclusive_accelerator
from finintent.machine.meter import metered, peak_host_bytes
from finintent.models.folder import OWN_FILE
from finintent.task.taxonomy import read_taxonomy
from finintent.training.encoder import finetune, use_repeatable_kernels
from finintent.training.records import drop_other_runs
from finintent.versions import check_versions, installed_versions


def main(
    *,
    model: Path,
    train: str,
    validation: str,
    taxonomy: str,
    rows: int,
    settings: dict[str, Any],
    seed: int,
    versions: dict[str, str],
    outputs: dict[str, str],
) -> None:
    check_versions(versions)
    # Curation shuffled the rows, so the first ones are a random sample, and a larger sample contains a smaller one.
    curated = {"train": read_jsonl(train)[:rows], "validation": read_jsonl(validation)}
    codes = read_taxonomy(taxonomy).codes
    # As in LoRA training, each run has checkpoints of its own, named by a digest of everything that decides its result.
    made_of = [settings, seed, versions, codes, curated, read_json(model / OWN_FILE)]
    folder = Path(outputs["model"])
    run = str(folder.parent).rpartition("results/encoders/")[2]
    checkpoints = Path("results/checkpoints", run, digest(made_of)[:12])
    drop_other_runs(checkpoints)
    with exclusive_accelerator(), metered() as job:
        use_repeatable_kernels()
        finetuned = finetune(
            model,
            training=curated["train"],
            validation=curated["validation"],
            codes=codes,
            settings=settings,
            seed=seed,
            checkpoints=checkpoints,
        )
    finetuned.save(folder)
    write_json(
        outputs["training"],
        {
            **finetuned.record,
            "rows": len(curated["train"]),
            "peak_memory_bytes": peak_host_bytes(resource.RUSAGE_SELF),
            **job,
            "data_sha256": {split: digest(chosen) for split, chosen in curated.items()},
            "versions": installed_versions(),
            "seed": seed,
            "settings": settings,
        },
    )
    shutil.rmtree(checkpoints)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            model=Path(snakemake.input.model),
            train=snakemake.input.train,
            validation=snakemake.input.validation,
            taxonomy=snakemake.input.taxonomy,
            rows=int(snakemake.wildcards.rows),
            settings=dict(snakemake.params.training),
            seed=int(snakemake.wildcards.seed),
            versions=snakemake.params.versions,
            outputs=dict(snakemake.output.items()),
        )
