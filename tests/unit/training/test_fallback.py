"""What is done when the memory model is wrong."""

import json
import runpy
from pathlib import Path

import pytest
import yaml

from finintent.errors import TrainingError
from finintent.training.fallback import ending, smaller
from finintent.training.plan import Batching, original
from tiny import ROOT


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


def test_a_killed_process_is_told_from_one_that_failed():
    assert "the machine's memory ran out" in ending(-9)
    assert ending(1) == "ended with status 1; see its log for the reason"


@pytest.mark.parametrize(
    ("output", "quoted"),
    [
        (b"TrainingError: loss is nan at step 3\n", "TrainingError: loss is nan at step 3"),
        (
            b"KeyError: 'a'\nDuring it, another:\nValueError: no module W_pack\nmore text\n",
            "ValueError: no module W_pack",
        ),
        (b"huggingface_hub.errors.HFValidationError: x" * 40, "huggingface_hub.errors.HFValidationError: x"),
    ],
)
def test_the_last_error_of_a_process_is_quoted(output: bytes, quoted: str):
    assert f"ended with status 1: {quoted}" in ending(1, output)
    assert len(ending(1, output)) < 400


def test_another_error_is_not_taken_for_a_lack_of_memory(tmp_path: Path, caplog):
    caplog.set_level("INFO", "finintent")
    arguments = prepare_training(tmp_path)
    main = runpy.run_path(str(ROOT / "workflow/scripts/train_lora.py"))["main"]
    main.__globals__["run_llamafactory"] = llamafactory(tmp_path, {2: "KeyError: 'x'"})
    with pytest.raises(TrainingError, match="ended with status 1"):
        main(**arguments)
    assert caplog.messages == []
