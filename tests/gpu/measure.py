"""Speed and memory of every stage at full size, on random weights. Usage: python tests/gpu/measure.py --help

Random weights give the speed and memory of real ones, but no accuracy. The prompts are real ones of a study on this
machine, cut into tokens by its embedded model's tokenizer: first run `snakemake --cores 1 --resources gpu=1 --
results/alpaca/intent_understanding/letter/500-rows/train.json results/models/gemma-3-270m`.
Each command prints one JSON object a measurement; `all` runs every other one for each shape.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
import yaml
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow/scripts"), str(ROOT / "tests")]

from finintent.data.alpaca import SPLITS  # noqa: E402
from finintent.errors import MergeError  # noqa: E402
from finintent.files import read_json, read_jsonl  # noqa: E402
from finintent.inference.likelihood import predict  # noqa: E402
from finintent.inference.loading import load_model  # noqa: E402
from finintent.inference.prompting import Prompter  # noqa: E402
from finintent.inference.warm_up import warming_up  # noqa: E402
from finintent.machine.meter import metered  # noqa: E402
from finintent.task.taxonomy import read_taxonomy  # noqa: E402
from finintent.task.wording import read_instruction  # noqa: E402
from finintent.training.arguments import training_config  # noqa: E402
from finintent.training.memory import FUSED_TYPES, GIB, available_bytes, model_shape, training_bytes, validation_bytes  # noqa: E402
from finintent.training.merge import merge_config  # noqa: E402
from finintent.training.merge_check import check_merge  # noqa: E402
from finintent.training.plan import fastest, original, row_lengths, validation_batch  # noqa: E402
from finintent.training.records import training_record  # noqa: E402
from finintent.training.run import run_llamafactory  # noqa: E402 - after the path
from shapes import SHAPES  # noqa: E402

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
RANK = 8
SETTINGS = {
    "lora_rank": RANK, "lora_alpha": 16, "lora_target": "all", "learning_rate": 1e-4, "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.1, "cutoff_len": 2048, "logging_steps": 5, "per_device_eval_batch_size": 16,
}  # fmt: skip
BATCH = 8
Data = Annotated[Path, typer.Argument(help="folder of an Alpaca set")]
STUDY = ROOT / "results"


@app.command("all")
def every_stage(
    work: Annotated[Path, typer.Argument(help="a folder on a disk of 50 GB")],
    shapes: str = ",".join(SHAPES),
    tokenizer: Path = STUDY / "models/gemma-3-270m",
    data: Path = STUDY / "alpaca/intent_understanding/letter/500-rows",
    questions: Path = STUDY / "questions/intent_understanding.jsonl",
) -> None:
    """Measure each shape: both presets, merge, check and evaluation in 22 GiB, and training in all of the card."""
    measure("matmul")
    for shape in shapes.split(","):
        folder, adapter, merged = work / shape, work / f"{shape}-fast/out", work / f"{shape}-merged"
        measure("write", shape, folder, tokenizer)
        measure("train", folder, data, work / f"{shape}-original", "--preset", "original", "--steps", 20)
        measure("train", folder, data, adapter.parent, "--steps", 189)
        measure("merge", folder, adapter, merged)
        measure("check", folder, adapter, merged, data)
        for tokens in (2, 8):
            measure("evaluate", merged, questions, "--tokens", tokens)
        shutil.rmtree(merged, ignore_errors=True)
        measure("train", folder, data, work / f"{shape}-uncapped", "--rows", 64, "--steps", 40, "--cap-gib", 0)
        shutil.rmtree(folder)


def measure(*arguments: object) -> None:
    """Run one command in a process of its own, as a job is; what it prints comes out, with what it was asked."""
    print("$", *arguments, flush=True)
    subprocess.run([sys.executable, __file__, *map(str, arguments)], check=False)


@app.command()
def matmul(size: int = 8192, repeats: int = 20) -> None:
    """Print the card's rate of bfloat16 matrix products."""
    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(5):
        a @ b
    synchronise()
    start = time.perf_counter()
    for _ in range(repeats):
        a @ b
    torch.cuda.synchronize()
    seconds = (time.perf_counter() - start) / repeats
    report(device=torch.cuda.get_device_name(), bf16_matmul_tflops=2 * size**3 / seconds / 1e12)


@app.command()
def write(shape: str, folder: Path, tokenizer: Path, layers: int = 0) -> None:
    """Write a model of that shape with random bfloat16 weights; with `layers`, only so many of its layers."""
    config = SHAPES[shape]
    config.num_hidden_layers = layers or config.num_hidden_layers
    config.pad_token_id = 0
    with torch.device(DEVICE):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="5GB")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy2(tokenizer / name, folder / name)
    report(shape=shape, parameters=model.num_parameters())


@app.command()
def train(
    folder: Path,
    data: Data,
    work: Path,
    preset: str = "fast",
    rows: Annotated[int, typer.Option(help="rows an optimizer step")] = BATCH,
    steps: int = 63,
    cap_gib: Annotated[float, typer.Option(help="memory that PyTorch may take; 0: all")] = 22,
    options: str = "{}",
) -> None:
    """Train for some steps; print speed, memory measured and estimated, and the time until the first step."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    config = AutoConfig.from_pretrained(folder)
    shape = model_shape(config, RANK)
    tokens = max(row_lengths(str(folder), "gemma", [str(data / f"{split}.json") for split in SPLITS]))
    available = cap_gib * GIB or available_bytes(None)
    batching = (
        original(rows)
        if preset == "original"
        else fastest(
            shape, rows, tokens, fused=DEVICE == "cuda" and config.model_type in FUSED_TYPES, available=available
        )
    )
    arguments = training_config(
        model=str(folder), data=str(data), template="gemma", split_special_tokens=False, seed=1, bf16=True,
        checkpoints=str(work / "out"), gpu=DEVICE == "cuda",
        settings=SETTINGS | batching.arguments() | yaml.safe_load(options),
    )  # fmt: skip
    validated = validation_batch(shape, SETTINGS["per_device_eval_batch_size"], tokens, available=available)
    # Validation and a checkpoint come once, at the end, where they disturb no timing of steps.
    end = {
        f"{what}_{key}": value for what in ("eval", "save") for key, value in (("strategy", "steps"), ("steps", steps))
    }
    arguments |= {"max_steps": steps, "per_device_eval_batch_size": validated, **end}
    (work / "train.yaml").write_text(yaml.safe_dump(arguments))
    cap_children(cap_gib)
    with metered() as job:
        status = run_llamafactory("train", str(work / "train.yaml"))
    if status:
        report(command="train", preset=preset, batching=vars(batching), status=status)
        return
    data_rows = len(read_json(data / "train.json"))
    record, results = training_record(work / "out", data_rows, 0), read_json(work / "out/all_results.json")
    tokens_a_row = record["tokens_per_second"] * record["seconds"] / results["epoch"] / data_rows
    # Of the output layer, `fast` computes a few tokens of a hundred; they are not counted.
    per_token = 4 * shape.linear_weights + 6 * shape.adapter_weights
    steady = steady_seconds(work / "out")
    report(
        command="train", preset=preset, options=options, batching=vars(batching), cap_gib=cap_gib,
        rows_per_second=record["rows_per_second"], steady_rows_per_second=rows / steady,
        steady_model_tflops=rows / steady * tokens_a_row * per_token / 1e12,
        torch_peak_gib=(record["peak_gpu_bytes"] or 0) / GIB, card_peak_gib=(job["card_peak_bytes"] or 0) / GIB,
        longest_row=tokens, validated=validated, training_gib=training_bytes(shape, batching, tokens) / GIB,
        validation_gib=validation_bytes(shape, validated, tokens) / GIB, job_seconds=job["job_seconds"],
        outside_training_seconds=job["job_seconds"] - record["seconds"],
        watt_hours=(job["energy_joules"] or 0) / 3600,
    )  # fmt: skip


def steady_seconds(out: Path) -> float:
    """Return the seconds of one optimizer step, the first ones that were logged left out."""
    entries = [entry for entry in read_jsonl(out / "trainer_log.jsonl") if "loss" in entry]
    elapsed = [
        sum(int(part) * unit for part, unit in zip(entry["elapsed_time"].split(":"), (3600, 60, 1), strict=True))
        for entry in (entries[0], entries[-1])
    ]
    return (elapsed[1] - elapsed[0]) / (entries[-1]["current_steps"] - entries[0]["current_steps"])


@app.command()
def merge(folder: Path, adapter: Path, merged: Path, cap_gib: float = 22) -> None:
    """Merge an adapter."""
    shutil.rmtree(merged, ignore_errors=True)
    path = merged.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(merge_config(model=str(folder), adapter=str(adapter), merged=str(merged))))
    cap_children(cap_gib)
    with metered() as job:
        status = run_llamafactory("export", str(path))
    host = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    report(
        command="merge", status=status, seconds=job["job_seconds"], host_peak_gib=host,
        card_peak_gib=(job["card_peak_bytes"] or 0) / GIB,
    )  # fmt: skip


@app.command()
def check(folder: Path, adapter: Path, merged: Path, data: Data, cap_gib: float = 22) -> None:
    """Compare a merged model with its base and adapter, as after every merge."""
    cap_process(cap_gib)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = [tokenizer.encode(row["instruction"]) for row in read_json(data / "validation.json")[:8]]
    with metered() as job:
        try:
            found = check_merge(folder, adapter, merged, prompts)
        except MergeError as error:
            found = {"error": str(error)}
    peak = torch.cuda.max_memory_allocated() if DEVICE == "cuda" else 0
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    report(command="check", seconds=job["job_seconds"], torch_peak_gib=peak / GIB, host_peak_gib=host, **found)


@app.command()
def evaluate(
    folder: Path,
    questions: Path,
    cap_gib: float = 22,
    batch_size: int = 64,
    permutations: int = 1,
    tokens: Annotated[int, typer.Option(help="of a text: 2, a letter and an end, or more, of an untrained model")] = 2,
    loop_questions: Annotated[int, typer.Option(help="questions that the original's way is timed on")] = 24,
    warm: Annotated[bool, typer.Option(help="load kernels beside the weights, as a job does")] = True,
) -> None:
    """Answer every question, and some in the original's way: one at a time, by sampling."""
    cap_process(cap_gib)
    resources = ROOT / "resources/intent_understanding"
    taxonomy = read_taxonomy(resources / "taxonomy.yaml")
    instruction = read_instruction(resources / "prompts/instruction.yaml")
    prompter, asked = Prompter(str(folder), "gemma"), read_jsonl(questions)
    settings = {"batch_size": batch_size, "seed": 1, "permutations": permutations, "max_new_tokens": tokens}
    ask = partial(predict, prompter=prompter, questions=asked, taxonomy=taxonomy, instruction=instruction, **settings)
    with metered() as loading, warming_up(str(folder), True, ask) if warm else nullcontext():
        model = load_model(str(folder), bf16=True)
    # The first pass is what a job sees: it pays for all that a first time costs. Both ways write as many tokens.
    if tokens == 2:
        answer_with_a_letter(model, prompter)
    model.generation_config.min_new_tokens = tokens
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        ask(model)
        synchronise()
        seconds.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated() if DEVICE == "cuda" else 0
    prompts = [
        prompter.encode(instruction.render(question["question"], taxonomy_options(question, taxonomy)), "")[0]
        for question in asked[:loop_questions]
    ]
    start = time.perf_counter()
    for prompt in prompts:
        ids = torch.tensor([prompt], device=model.device)
        model.generate(ids, attention_mask=torch.ones_like(ids), min_new_tokens=tokens, max_new_tokens=tokens,
                       do_sample=True, temperature=0.95, top_p=0.7, top_k=50, pad_token_id=0)  # fmt: skip
    synchronise()
    loop = (time.perf_counter() - start) / len(prompts) * len(asked)
    report(
        command="evaluate", questions=len(asked), batch_size=batch_size, permutations=permutations, tokens=tokens,
        warm=warm, load_seconds=loading["job_seconds"], torch_peak_gib=peak / GIB, seconds_first=seconds[0],
        seconds=seconds[1], loop_seconds=loop, times_first=loop / seconds[0], times=loop / seconds[1],
    )  # fmt: skip


def answer_with_a_letter(model: Any, prompter: Prompter) -> None:
    """Let a model answer with A and the end of the turn, as a trained one answers with some letter."""
    letter, end = prompter.deciding_position(["A", "B"]).token_ids["A"], prompter.stop_ids[0]

    def raise_logits(_: Any, __: Any, asked: dict[str, Any], output: Any) -> None:
        answered = asked["input_ids"][:, -1:] == letter
        output.logits[..., letter].masked_fill_(~answered, 1e4)
        output.logits[..., end].masked_fill_(answered, 1e4)

    model.register_forward_hook(raise_logits, with_kwargs=True)


def taxonomy_options(question: dict[str, Any], taxonomy: Any) -> dict[str, str]:
    return {letter: taxonomy.names[code] for letter, code in question["options"].items()}


def card_bytes() -> float:
    return torch.cuda.get_device_properties(0).total_memory if DEVICE == "cuda" else 24 * GIB


def synchronise() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def cap_process(gib: float) -> None:
    os.environ["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"  # as of a job
    if DEVICE == "cuda" and gib:
        torch.cuda.set_per_process_memory_fraction(gib * GIB / card_bytes())


def cap_children(gib: float) -> None:
    """Let the processes that are started from here on take no more of the card's memory than that."""
    share = gib * GIB / card_bytes() if gib else 1
    os.environ["PYTORCH_ALLOC_CONF"] = f"expandable_segments:True,per_process_memory_fraction:{share:.6f}"


def report(**values: Any) -> None:
    rounded = {key: round(value, 2) if isinstance(value, float) else value for key, value in values.items()}
    print(json.dumps(rounded, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    app()
