"""Write the YAML files for `llamafactory-cli train` and `llamafactory-cli export`."""

from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import AutoConfig, AutoTokenizer

from finintent.accelerator import uses_bf16
from finintent.files import digest, read_json, sha256
from finintent.logs import logged
from finintent.memory import FUSED_TYPES, Batching, fastest, model_shape, original, validation_batch
from finintent.provenance import check_versions
from finintent.sources import OWN_FILE
from finintent.training import merge_config, splits_special_tokens, training_config

EVAL_BATCH = "per_device_eval_batch_size"
TEMPLATE_TOKENS = 16  # of roles, markers and the answer, around a row's instruction; more than any template takes


def main(
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
    preset, batch_size, options = (training.pop(key) for key in ("preset", "batch_size", "llamafactory"))
    batching = (
        original(batch_size) if preset == "original" else Batching(batch_size, 1, checkpointing=False, fused=False)
    )
    if torch.cuda.is_available():
        config = AutoConfig.from_pretrained(model)
        shape, tokens = model_shape(config, training["lora_rank"]), longest_row(model, alpaca[:2], training, options)
        fits = {
            "memory_gb": memory_gb or torch.cuda.get_device_properties(0).total_memory / 2**30,
            "bits": options.get("quantization_bit"),
        }
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
        "gpu": torch.cuda.is_available(),
    }
    # LlamaFactory resumes from whatever checkpoint its output folder holds, so each run has a folder of its own,
    # named by all that makes it; not by how many rows are computed at once.
    made_of = [versions, [sha256(path) for path in alpaca], read_json(Path(model) / OWN_FILE)]
    run = digest([training_config(**arguments, settings=training, checkpoints=""), batch_size, *made_of])[:12]
    stem = sft.relative_to("results/sft")
    settings = training | batching.arguments() | {EVAL_BATCH: eval_batch_size}
    checkpoints = f"results/checkpoints/{stem}/{run}"
    write_yaml(outputs["train"], training_config(**arguments, settings=settings, checkpoints=checkpoints))
    merged = f"results/merged/{stem}/model"
    write_yaml(outputs["merge"], merge_config(model=model, adapter=str(sft / "adapter"), merged=merged))


def longest_row(model: str, alpaca: list[str], training: dict[str, Any], options: dict[str, Any]) -> int:
    """Return the number of tokens of the longest row; with packing a row is as long as rows may be."""
    limit = training.get("cutoff_len", 2048)
    if options.get("packing") or options.get("neat_packing"):
        return limit
    instructions = [row["instruction"] for path in alpaca for row in read_json(path)]
    ids = AutoTokenizer.from_pretrained(model)(instructions)["input_ids"]
    return min(max(map(len, ids)) + TEMPLATE_TOKENS, limit)


def write_yaml(path: str, value: dict[str, Any]) -> None:
    Path(path).write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), encoding="utf-8")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        described = snakemake.config["models"][snakemake.wildcards.model]
        main(
            snakemake.input.model,
            list(snakemake.input.alpaca),
            snakemake.params.template,
            dict(snakemake.params.training),
            # No parameters: what they change is how much is computed at once, so a change makes nothing stale.
            described["training"].get(EVAL_BATCH, snakemake.config["training"].get(EVAL_BATCH, 8)),
            snakemake.config["gpu"].get("memory_gb"),
            int(snakemake.wildcards.seed),
            snakemake.params.versions,
            dict(snakemake.output.items()),
        )
