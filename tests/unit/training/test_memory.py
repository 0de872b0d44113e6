"""The memory model against peaks measured on a GPU, and what is done when it is wrong."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from transformers import AutoConfig, FalconConfig, Gemma3Config, LlamaConfig

from finintent.errors import ConfigError, TrainingError
from finintent.machine.meter import metered, total
from finintent.models.folder import OWN_FILE
from finintent.training import run as llamafactory_run
from finintent.training.fallback import ending, smaller
from finintent.training.memory import (
    GIB,
    USABLE,
    available_bytes,
    held_bytes,
    model_shape,
    training_bytes,
    validation_bytes,
)
from finintent.training.plan import Batching, batchings, fastest, longest_row, original, validation_batch
from finintent.training.run import run_llamafactory
from shapes import SHAPES
from tiny import ROOT, write_tiny_model

LONGEST = 128  # tokens of a row, of a batch's typical longest; the longest of all is 135 with what the template may add
# PyTorch's peak in GiB while training, by tests/gpu/measure.py on an H100; with checkpointing on an H200, by
# `llamafactory-cli train`, whose copies of inputs are then 0.03 GiB.
MEASURED = [
    ("qwen2.5-7b", Batching(1, 8, checkpointing=True, fused=False), 14.80),
    ("qwen2.5-7b", Batching(8, 1, checkpointing=True, fused=False), 16.42),
    ("qwen2.5-7b", Batching(8, 1, checkpointing=True, fused=True), 15.00),
    ("qwen2.5-7b", Batching(8, 1, checkpointing=False, fused=True), 19.46),
    ("qwen2.5-7b", Batching(64, 1, checkpointing=False, fused=True), 54.06),
    ("llama-3-8b", Batching(1, 8, checkpointing=True, fused=False), 15.56),
    ("llama-3-8b", Batching(8, 1, checkpointing=True, fused=True), 15.80),
    ("llama-3-8b", Batching(8, 1, checkpointing=False, fused=True), 20.28),
    ("llama-3-8b", Batching(64, 1, checkpointing=False, fused=True), 55.21),
    ("chatglm3-6b", Batching(8, 1, checkpointing=False, fused=False), 18.15),
    ("chatglm3-6b", Batching(64, 1, checkpointing=False, fused=False), 61.82),
    ("baichuan2-7b", Batching(8, 1, checkpointing=False, fused=True), 18.63),
    ("baichuan2-7b", Batching(64, 1, checkpointing=False, fused=True), 48.93),
]
# The same of a job that trains one row at a time and validates 16, which then takes more.
VALIDATED = {"qwen2.5-7b": 17.43, "llama-3-8b": 17.76, "chatglm3-6b": 13.17, "baichuan2-7b": 16.72}


@pytest.mark.parametrize(("name", "batching", "gib"), MEASURED)
def test_the_estimate_is_near_what_was_measured(name: str, batching: Batching, gib: float):
    shape = model_shape(SHAPES[name], rank=8)
    assert 0.98 * gib <= training_bytes(shape, batching, LONGEST) / GIB <= 1.05 * gib


@pytest.mark.parametrize(("name", "gib"), VALIDATED.items())
def test_validation_is_estimated_too(name: str, gib: float):
    shape = model_shape(SHAPES[name], rank=8)
    assert gib <= validation_bytes(shape, 16, 135) / GIB <= 1.01 * gib
    assert training_bytes(shape, original(8), 135) / GIB < gib


def test_as_many_rows_are_validated_as_fit():
    shape = model_shape(SHAPES["qwen2.5-7b"], rank=8)
    assert [validation_batch(shape, 16, 135, available=size * GIB) for size in (22, 17, 16, 8)] == [16, 8, 4, 1]


@pytest.mark.parametrize(
    ("memory_gb", "expected"),
    [
        (18, Batching(8, 1, checkpointing=True, fused=True)),
        (24, Batching(8, 1, checkpointing=False, fused=True)),
        (80, Batching(8, 1, checkpointing=False, fused=True)),
    ],
)
def test_the_fastest_batching_that_fits_is_chosen(memory_gb: float, expected: Batching):
    shape = model_shape(SHAPES["qwen2.5-7b"], rank=8)
    assert fastest(shape, 8, LONGEST, fused=True, available=available_bytes(memory_gb)) == expected


def test_a_card_that_is_too_small_is_told_and_four_bits_fit_it():
    shape = model_shape(SHAPES["qwen2.5-7b"], rank=8)
    with pytest.raises(ConfigError, match=r"one row of 128 tokens needs 14\.\d GiB, but the GPU .* has 10\.7"):
        fastest(shape, 8, LONGEST, fused=True, available=available_bytes(12))
    assert fastest(shape, 8, LONGEST, fused=True, available=available_bytes(12), bits=4).micro_batch >= 4


@pytest.mark.parametrize(("name", "gib"), [("qwen2.5-7b", 5.17), ("llama-3-8b", 5.31), ("baichuan2-7b", 5.03)])
def test_only_linear_layers_are_quantised(name: str, gib: float):
    """Weights by hand: 16 bits for embedding, head and norms, 4 and some constants for the rest."""
    shape = model_shape(SHAPES[name], rank=8)
    assert (held_bytes(shape, bits=4) - shape.adapter_weights * 16) / GIB == pytest.approx(gib, abs=0.05)


def test_of_a_card_that_is_there_cuda_takes_its_part(monkeypatch):
    card = SimpleNamespace(total_memory=22 * GIB)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    assert available_bytes(None) == pytest.approx(available_bytes(24))


@pytest.mark.parametrize("config", [FalconConfig(), Gemma3Config()])
def test_other_architectures_have_a_shape_too(config):
    shape = model_shape(config, rank=8)
    assert shape.mlp >= 2 * shape.hidden
    assert 0 < shape.adapter_weights < shape.linear_weights < shape.weights


@pytest.mark.parametrize("preset", ["fast", "original"])
def test_a_gpu_job_is_planned_by_its_longest_row(tmp_path: Path, monkeypatch, preset: str):
    monkeypatch.chdir(tmp_path)
    model, template = write_tiny_model(tmp_path / "model"), "gemma"
    (model / OWN_FILE).write_text("{}")
    rows = [{"instruction": "the user is in " * times, "output": "A"} for times in (1, 4)]
    alpaca = [str(tmp_path / f"{split}.json") for split in ("train", "validation")]
    for path, row in zip(alpaca, rows, strict=True):
        Path(path).write_text(json.dumps([row]))
    tokens = longest_row(str(model), template, alpaca)
    assert tokens > longest_row(str(model), template, alpaca[:1]) > len(rows[0]["instruction"].split())
    shape = model_shape(AutoConfig.from_pretrained(model), rank=4)
    fits = training_bytes(shape, Batching(8, 1, checkpointing=True, fused=True), tokens)
    main = runpy.run_path(str(ROOT / "workflow/scripts/render_configs.py"))["main"]
    main.__globals__["torch"] = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True))
    training = {
        "precision": "fp32", "lora_rank": 4, "preset": preset, "batch_size": 8, "cutoff_len": 512, "llamafactory": {},
    }  # fmt: skip
    outputs = {name: f"results/sft/m/{name}.yaml" for name in ("train", "merge")}
    Path(outputs["train"]).parent.mkdir(parents=True)
    main(
        model=str(model),
        alpaca=alpaca,
        template=template,
        training=training,
        eval_batch_size=16,
        memory_gb=fits / GIB / USABLE,
        seed=1,
        versions={},
        outputs=outputs,
    )
    settings = yaml.safe_load(Path(outputs["train"]).read_text())
    expected = original(8) if preset == "original" else Batching(8, 1, checkpointing=True, fused=True)
    assert expected.arguments().items() <= settings.items()
    validated = settings["per_device_eval_batch_size"]
    assert validation_bytes(shape, validated, tokens) <= fits < validation_bytes(shape, 2 * validated, tokens)


def test_every_batching_has_the_rows_of_the_step():
    steps = [batching.micro_batch * batching.accumulation for batching in batchings(12, fused=False)]
    assert steps == [12] * 7  # 12 at once without and with checkpointing; 6, 4, 3, 2 and 1 with it
    assert original(12).arguments()["gradient_accumulation_steps"] == 12


def test_a_smaller_configuration_keeps_the_step_and_ends_at_one_row():
    config = {
        "learning_rate": 1,
        "per_device_eval_batch_size": 16,
        **Batching(8, 1, checkpointing=False, fused=True).arguments(),
    }
    steps = []
    while config:
        rows, times = config["per_device_train_batch_size"], config["gradient_accumulation_steps"]
        assert (rows * times, config["learning_rate"]) == (8, 1)
        steps.append((rows, config["disable_gradient_checkpointing"], config["per_device_eval_batch_size"]))
        config = smaller(config)
    assert steps == [
        (8, True, 16), (8, False, 8), (4, False, 4), (2, False, 2), (1, False, 1),
    ]  # fmt: skip


def test_one_row_at_a_time_still_validates_on_fewer():
    config = {"per_device_eval_batch_size": 4, **original(8).arguments()}
    sizes = []
    while config := smaller(config):
        sizes.append((config["per_device_train_batch_size"], config["per_device_eval_batch_size"]))
    assert sizes == [(1, 2), (1, 1)]


def test_weights_that_are_cast_in_each_step_take_more():
    batching, shape = Batching(8, 1, checkpointing=False, fused=True), model_shape(SHAPES["llama-3-8b"], rank=8)
    kept = training_bytes(shape, batching, LONGEST)
    for dtype, extra in ((torch.float16, 2), (torch.float32, 4)):
        config = LlamaConfig(**SHAPES["llama-3-8b"].to_dict() | {"dtype": dtype})
        more = training_bytes(model_shape(config, rank=8), batching, LONGEST) - kept
        assert more == pytest.approx(extra * shape.weights)


def prepare_training(folder: Path) -> dict:
    """Write what train_lora reads, and return the keyword arguments of its main."""
    settings = {
        "output_dir": str(folder / "checkpoints/run"), "dataset_dir": str(folder / "data"), "seed": 1,
        "per_device_eval_batch_size": 1,
        **Batching(2, 1, checkpointing=False, fused=False).arguments(),
    }  # fmt: skip
    (folder / "train.yaml").write_text(yaml.safe_dump(settings))
    (folder / "log").touch()
    return {
        "config": str(folder / "train.yaml"), "data": {"rows": {"train": 2}, "sha256": {}},
        "adapter": folder / "adapter", "output": str(folder / "training.json"), "log": folder / "log",
    }  # fmt: skip


def llamafactory(folder: Path, fails: dict[int, str]):
    """Return a stand-in for LlamaFactory that fails with a message by the rows at once, or leaves a finished run."""

    def run(command: str, path: str) -> int:
        config = yaml.safe_load(Path(path).read_text())
        if message := fails.get(config["per_device_train_batch_size"]):
            with open(folder / "log", "a") as log:
                log.write(message)
            return 1
        out = Path(config["output_dir"])
        out.mkdir(parents=True, exist_ok=True)
        entry = {"eval_loss": 1.0, "loss": 1.0, "epoch": 1.0, "current_steps": 1}
        (out / "trainer_log.jsonl").write_text(json.dumps(entry))
        (out / "all_results.json").write_text(
            json.dumps({"train_runtime": 1.0, "epoch": 1.0, "effective_tokens_per_sec": 1.0})
        )
        (out / "trainer_state.json").write_text(json.dumps({"global_step": 1, "log_history": []}))
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            (out / name).touch()
        return 0

    return run


def test_out_of_memory_goes_on_in_smaller_parts_and_says_so(tmp_path: Path, caplog):
    caplog.set_level("INFO", "finintent")
    arguments = prepare_training(tmp_path)
    script = runpy.run_path(str(ROOT / "workflow/scripts/train_lora.py"))
    main = script["main"]
    main.__globals__["run_llamafactory"] = llamafactory(tmp_path, {2: "torch.OutOfMemoryError: CUDA out of memory."})
    main(**arguments)
    assert len(caplog.messages) == 2  # with checkpointing, then one row at a time
    assert caplog.messages[-1].endswith("1 rows at once, 2 times, with gradient checkpointing")
    settings = json.loads((tmp_path / "training.json").read_text())["settings"]
    assert (settings["per_device_train_batch_size"], settings["gradient_accumulation_steps"]) == (1, 2)
    assert not list((tmp_path / "checkpoints").iterdir())


def test_what_fits_no_way_is_one_sentence(tmp_path: Path):
    arguments = prepare_training(tmp_path)
    main = runpy.run_path(str(ROOT / "workflow/scripts/train_lora.py"))["main"]
    message = dict.fromkeys((1, 2), "torch.AcceleratorError: CUDA error: out of memory")
    main.__globals__["run_llamafactory"] = llamafactory(tmp_path, message)
    with pytest.raises(
        TrainingError, match=r"even for one row at once; free it of .*, set training\.llamafactory\.quantization_bit"
    ):
        main(**arguments)


def test_all_attempts_are_paid_for():
    job = {"device": "a card", "driver": "1", "job_seconds": 2.0, "card_peak_bytes": 3, "energy_joules": 4}
    assert total([job, job | {"card_peak_bytes": 1}]) == job | {"job_seconds": 4.0, "energy_joules": 8}
    unknown = {"card_peak_bytes": None, "energy_joules": None}
    assert total([job | unknown] * 2) == job | unknown | {"job_seconds": 4.0}


def test_of_several_cards_llamafactory_sees_the_first(monkeypatch):
    seen = {}
    monkeypatch.setattr(llamafactory_run.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        llamafactory_run.subprocess, "run", lambda *_, env, **__: seen.update(env) or SimpleNamespace(returncode=0)
    )
    for given, expected in ((None, "0"), ("3,1", "3")):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if given:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        run_llamafactory("train", "train.yaml")
        assert (seen["CUDA_VISIBLE_DEVICES"], seen["RECORD_VRAM"]) == (expected, "1")


def test_a_killed_process_is_told_from_one_that_failed():
    assert "the machine's memory ran out" in ending(-9)
    assert ending(1) == "ended with status 1; see its log for the reason"


def test_another_error_is_not_taken_for_a_lack_of_memory(tmp_path: Path, caplog):
    caplog.set_level("INFO", "finintent")
    arguments = prepare_training(tmp_path)
    main = runpy.run_path(str(ROOT / "workflow/scripts/train_lora.py"))["main"]
    main.__globals__["run_llamafactory"] = llamafactory(tmp_path, {2: "KeyError: 'x'"})
    with pytest.raises(TrainingError, match="ended with status 1"):
        main(**arguments)
    assert caplog.messages == []


def test_a_job_without_a_gpu_has_its_time_and_no_memory_of_a_card():
    with metered() as job:
        assert "job_seconds" not in job
    assert job["job_seconds"] > 0
    assert (job["driver"], job["card_peak_bytes"], job["energy_joules"]) == (None, None, None)
