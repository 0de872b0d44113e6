"""Write the YAML files for `llamafactory-cli train` and `llamafactory-cli export`."""

from pathlib import Path
from typing import Any

import torch
import yaml

from finintent.files import digest, read_json, sha256
from finintent.inference.compute import uses_bf16
from finintent.logs import logged
from finintent.models.folder import OWN_FILE, splits_special_tokens
from finintent.training.arguments import training_config
from finintent.training.memory import FUSED_TYPES, available_bytes, model_shape
from finintent.training.merge import merge_config
from finintent.training.plan import (
    Batching,
    check_lengths,
    check_targets,
    fastest,
    original,
    row_lengths,
    surely_fits,
    validation_batch,
)
from finintent.versions import check_versions

EVAL_BATCH = "per_device_eval_batch_size"


def main(
    *,
    model: str,
    alpaca: list[str],
    template: str | None,
    training: dict[str, Any],
    eval_batch_size: int,
    memory_gb: float | None,
    seed: int,
    versions: dict[str, str],
    outputs: dict[str, str],
) -> None:
    check_versions(versions)
    precision = training.pop("precision")
    preset, batch_size, options, cut_rows = (
        training.pop(key) for key in ("preset", "batch_size", "llamafactory", "cut_rows")
    )
    check_targets(model, training.get("lora_target"))
    gpu, limit = torch.cuda.is_available(), training["cutoff_len"]
    if gpu or not surely_fits(template, alpaca[:2], limit):
        lengths = row_lengths(model, template, alpaca[:2])
        check_lengths(lengths, limit, cut_rows)
    batching = (
        original(batch_size) if preset == "original" else Batching(batch_size, 1, checkpointing=False, fused=False)
    )
    if gpu:
        from transformers import AutoConfig  # seconds, which a machine without a GPU need not wait

        config = AutoConfig.from_pretrained(model)
        shape = model_shape(config, training["lora_rank"])
        packed = options.get("packing") or options.get("neat_packing")  # then rows have the maximum length
        tokens = limit if packed else min(max(lengths), limit)
        fits = {"available": available_bytes(memory_gb), "bits": options.get("quantization_bit")}
        if preset == "fast":
            batching = fastest(shape, batch_size, tokens, fused=config.model_type in FUSED_TYPES, **fits)
        eval_batch_size = validation_batch(shape, eval_batch_size, tokens, **fits)
    training |= options
    sft = Path(outputs["train"]).parent
    arguments = {
        "model": model,
        "data": str(Path(alpaca[0]).parent),
        "template": template,
        "split_special_tokens": splits_special_tokens(Path(model)),
        "seed": seed,
        "bf16": uses_bf16(precision),
        "gpu": gpu,
    }
    # LlamaFactory resumes from any checkpoint in its output folder. So each run has its own folder, named by a digest
    # of everything that decides its result; the number of rows computed at once is not part of it.
    made_of = [versions, [sha256(path) for path in alpaca], read_json(Path(model) / OWN_FILE)]
    run = digest([training_config(**arguments, settings=training, checkpoints=""), batch_size, *made_of])[:12]
    # In object storage, results are below a folder of local copies. Checkpoints stay on this machine all the same.
    root, _, stem = str(sft).rpartition("results/sft/")
    settings = training | batching.arguments() | {EVAL_BATCH: eval_batch_size}
    checkpoints = f"results/checkpoints/{stem}/{run}"
    write_yaml(outputs["train"], training_config(**arguments, settings=settings, checkpoints=checkpoints))
    merged = f"{root}results/merged/{stem}/model"
    write_yaml(outputs["merge"], merge_config(model=model, adapter=str(sft / "adapter"), merged=merged))


def write_yaml(path: str, value: dict[str, Any]) -> None:
    Path(path).write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), encoding="utf-8")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        described = snakemake.config["models"][snakemake.wildcards.model]
        main(
            model=snakemake.input.model,
            alpaca=list(snakemake.input.alpaca),
            template=snakemake.params.template,
            training=dict(snakemake.params.training),
            # Not parameters: they only change how much is computed at once, so a change makes nothing stale.
            eval_batch_size=described["training"].get(EVAL_BATCH, snakemake.config["training"][EVAL_BATCH]),
            memory_gb=snakemake.config["gpu"].get("memory_gb"),
            seed=int(snakemake.wildcards.seed),
            versions=snakemake.params.versions,
            outputs=dict(snakemake.output.items()),
        )
