"""Write the YAML files for `llamafactory-cli train` and `llamafactory-cli export`."""

from pathlib import Path
from typing import Any

import torch
import yaml

from finintent.accelerator import uses_bf16
from finintent.files import digest, read_json, sha256
from finintent.logs import logged
from finintent.provenance import check_versions
from finintent.sources import OWN_FILE
from finintent.training import merge_config, training_config


def main(
    model: str,
    alpaca: list[str],
    template: str,
    training: dict[str, Any],
    seed: int,
    versions: dict[str, str],
    outputs: dict[str, str],
) -> None:
    check_versions(versions)
    precision = training.pop("precision")
    training |= training.pop("llamafactory")
    sft = Path(outputs["train"]).parent
    arguments = {
        "model": model,
        "data": str(Path(alpaca[0]).parent),
        "template": template,
        "settings": training,
        "seed": seed,
        "bf16": uses_bf16(precision),
        "gpu": torch.cuda.is_available(),
    }
    # LlamaFactory resumes from whatever checkpoint its output folder holds, so each run has a folder of its own,
    # named by all that makes it.
    made_of = [versions, [sha256(path) for path in alpaca], read_json(Path(model) / OWN_FILE)]
    run = digest([training_config(**arguments, checkpoints=""), *made_of])[:12]
    stem = sft.relative_to("results/sft")
    write_yaml(outputs["train"], training_config(**arguments, checkpoints=f"results/checkpoints/{stem}/{run}"))
    merged = f"results/merged/{stem}/model"
    write_yaml(outputs["merge"], merge_config(model=model, adapter=str(sft / "adapter"), merged=merged))


def write_yaml(path: str, value: dict[str, Any]) -> None:
    Path(path).write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), encoding="utf-8")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            snakemake.input.model,
            list(snakemake.input.alpaca),
            snakemake.params.template,
            dict(snakemake.params.training),
            snakemake.params.seed,
            snakemake.params.versions,
            dict(snakemake.output.items()),
        )
