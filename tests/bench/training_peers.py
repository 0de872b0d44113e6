"""Speed of LoRA training against plain PEFT and Unsloth on a GPU. Usage: python tests/bench/training_peers.py --help

All train the same model, of random weights, on the same rows (token ids) in the same order, in bfloat16, with the same
adapters (rank 8, on all linear layers but the head), optimizer and rows a step, each in its own process, one after
another. They differ in how: `fast` and `original` are this project's presets, `peft` PEFT with transformers' Trainer,
`unsloth` is Unsloth with the same Trainer, without gradient checkpointing (`unsloth-checkpointed`: with its own).
The model is written by `python tests/gpu/measure.py write`. Unsloth excludes the release of datasets that LlamaFactory
needs, so it has an environment of its own: `uv venv .venv-unsloth && uv pip install -p .venv-unsloth --group unsloth`,
then `--unsloth-python .venv-unsloth/bin/python`.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

ROOT = Path(__file__).resolve().parents[2]
STUDY = ROOT / "results"
RANK, ALPHA, RATE, SEED = 8, 16, 1e-4, 1
LEFT_OUT = 10  # steps that load kernels
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SETTINGS = {"learning_rate": RATE, "lr_scheduler_type": "cosine", "logging_steps": 5}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def compare(
    folder: Annotated[Path, typer.Argument(help="a model")],
    work: Annotated[Path, typer.Argument(help="a folder for what is written meanwhile")],
    trainers: str = "fast,unsloth,unsloth-checkpointed,peft,original",
    data: Path = STUDY / "alpaca/intent_understanding/letter/500-rows",
    rows: Annotated[int, typer.Option(help="rows an optimizer step")] = 8,
    steps: int = 100,
    slow_steps: Annotated[int, typer.Option(help="steps of `original`")] = 25,
    unsloth_python: Path = Path(sys.executable),
) -> None:
    """Train by each, print a JSON object for each, and the ratios of rows a second after the first steps."""
    work.mkdir(parents=True, exist_ok=True)
    encode(folder, data, work / "rows.json")
    speeds = {}
    for trainer in trainers.split(","):
        python = unsloth_python if trainer.startswith("unsloth") else sys.executable
        count = slow_steps if trainer == "original" else steps
        line = [python, __file__, "train", trainer, folder, work, data, rows, count]
        done = subprocess.run([*map(str, line)], stdout=subprocess.PIPE, text=True, check=False)
        found = [text for text in done.stdout.splitlines() if text.startswith('{"trainer"')]
        if done.returncode or not found:
            print(json.dumps({"trainer": trainer, "status": done.returncode, "output": done.stdout[-500:]}), flush=True)
            continue
        print(found[-1], flush=True)
        speeds[trainer] = json.loads(found[-1])["rows_per_second"]
    first = trainers.split(",")[0]
    if first in speeds:
        print(json.dumps({f"{first} over {name}": round(speeds[first] / speed, 2) for name, speed in speeds.items()}))


def encode(folder: Path, data: Path, path: Path) -> None:
    """Write the training rows as the project encodes them."""
    sys.path[:0] = [str(ROOT / "workflow/scripts")]
    from finintent.inference.prompting import Prompter

    prompter, encoded = Prompter(str(folder), "gemma"), []
    for row in json.loads((data / "train.json").read_text(encoding="utf-8")):
        prompt, answer = prompter.encode(row["instruction"], row["output"])
        encoded.append({"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer})
    path.write_text(json.dumps(encoded))


@app.command()
def train(trainer: str, folder: Path, work: Path, data: Path, rows: int, steps: int) -> None:
    """Train by one trainer and print its speed."""
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    if trainer.startswith("unsloth"):
        import unsloth  # noqa: F401 - before transformers, which it changes
    import torch

    stamps = time_steps(steps)
    if trainer in ("fast", "original"):
        by_the_project(trainer, folder, work, data, rows, steps)
    else:
        by_a_peer(trainer, folder, work, rows, steps)
    seconds = stamps["end"] - stamps["warm"]
    report = {
        "trainer": trainer, "model": folder.name, "device": torch.cuda.get_device_name(), "rows": rows, "steps": steps,
        "rows_per_second": round(rows * (steps - LEFT_OUT) / seconds, 2),
        "rows_per_second_all_steps": round(rows * steps / (stamps["end"] - stamps["start"]), 2),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2), "losses": stamps["losses"],
    }  # fmt: skip
    print(json.dumps(report), flush=True)


def time_steps(steps: int) -> dict[str, Any]:
    """Return the times at which the steps began, were warm and ended, which every Trainer made from here on writes."""
    import torch
    import transformers

    stamps: dict[str, Any] = {"losses": []}

    class Stamps(transformers.TrainerCallback):
        def stamp(self, name: str) -> None:
            torch.cuda.synchronize()
            stamps[name] = time.perf_counter()

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.stamp("start")

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step in (LEFT_OUT, steps):
                self.stamp("warm" if state.global_step == LEFT_OUT else "end")

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
            if "loss" in logs:
                stamps["losses"].append(round(float(logs["loss"]), 3))

    transformers.trainer.DEFAULT_CALLBACKS.append(Stamps)
    return stamps


def by_the_project(preset: str, folder: Path, work: Path, data: Path, rows: int, steps: int) -> None:
    sys.path[:0] = [str(ROOT / "workflow/scripts")]
    from finintent.training.arguments import training_config
    from finintent.training.memory import Batching
    from finintent.training.plan import original
    from finintent.training.trainer import train as run

    batching = original(rows) if preset == "original" else Batching(rows, 1, checkpointing=False, fused=True)
    settings = SETTINGS | {
        "lora_rank": RANK, "lora_alpha": ALPHA, "lora_target": "all", "cutoff_len": 2048, "max_steps": steps,
        **batching.arguments(),
    }  # fmt: skip
    arguments = training_config(
        model=str(folder), data=str(data), template="gemma", split_special_tokens=False, seed=SEED, bf16=True,
        checkpoints=str(work / preset), gpu=True, settings=settings,
    )  # fmt: skip
    none = {"eval_strategy": "no", "save_strategy": "no", "load_best_model_at_end": False, "do_eval": False}
    run({key: value for key, value in (arguments | none).items() if key != "eval_dataset"}, work / "train.yaml")


def by_a_peer(trainer: str, folder: Path, work: Path, rows: int, steps: int) -> None:
    import torch
    import transformers

    if trainer.startswith("unsloth"):
        from unsloth import FastLanguageModel

        model, _ = FastLanguageModel.from_pretrained(
            str(folder), max_seq_length=2048, dtype=torch.bfloat16, load_in_4bit=False
        )
        model = FastLanguageModel.get_peft_model(
            model, r=RANK, lora_alpha=ALPHA, lora_dropout=0, target_modules=TARGETS, bias="none", random_state=SEED,
            use_gradient_checkpointing="unsloth" if trainer.endswith("-checkpointed") else False,
        )  # fmt: skip
    else:
        from peft import LoraConfig, get_peft_model

        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, device_map="cuda")
        model.config.use_cache = False
        adapters = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS, task_type="CAUSAL_LM")
        model = get_peft_model(model, adapters)
    arguments = transformers.TrainingArguments(
        output_dir=str(work / trainer), per_device_train_batch_size=rows, max_steps=steps, bf16=True, seed=SEED,
        report_to="none", save_strategy="no", remove_unused_columns=False, **SETTINGS,
    )  # fmt: skip
    transformers.Trainer(
        model=model, args=arguments, data_collator=collate, train_dataset=json.loads((work / "rows.json").read_text())
    ).train()


def collate(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
    """Return a batch padded to a multiple of eight tokens, as LlamaFactory pads it."""
    import torch

    width = -(-max(len(row["input_ids"]) for row in rows) // 8) * 8
    rows = [row | {"attention_mask": [1] * len(row["input_ids"])} for row in rows]
    fills = {"input_ids": 0, "labels": -100, "attention_mask": 0}
    return {
        name: torch.tensor([row[name] + [fill] * (width - len(row[name])) for row in rows])
        for name, fill in fills.items()
    }


if __name__ == "__main__":
    app()
