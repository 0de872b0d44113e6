"""What `finintent train` says of the file that it is given."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from finintent.cli import app
from finintent.errors import DataError
from finintent.training.arguments import training_config
from finintent.training.arguments_file import read_arguments


@pytest.fixture
def sound(tmp_path: Path) -> dict:
    for folder, file in (("model", "config.json"), ("data", "dataset_info.json")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text("{}")
    return {
        "model_name_or_path": str(tmp_path / "model"), "dataset_dir": str(tmp_path / "data"), "output_dir": "out",
        "learning_rate": 0.1,
    }  # fmt: skip


def test_a_sound_file_is_read(tmp_path: Path, sound: dict):
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(sound))
    assert read_arguments(tmp_path / "train.yaml") == sound


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds nothing, expected the arguments of training"),
        ("[1, 2]", "holds list, expected the arguments"),
        ("stage: sft\nstage: dpo", "line 2: the key 'stage' stands in line 1 too"),
        ("stage: 2026-13-45", "not YAML that can be read"),
        ("a: b: c", "not YAML (mapping values are not allowed here)"),
        ("\x00", "not YAML (unacceptable character"),
        ("learning_rat: 1", "learning_rat is no argument of `llamafactory-cli train`"),
        ("7: 1", "7 is no argument of"),
        ("stage: sft", "no key model_name_or_path, which has to name a folder"),
        ("model_name_or_path: nowhere", "model_name_or_path is nowhere, where there is no config.json; run it in the"),
    ],
)
def test_a_file_that_is_none_is_one_sentence(tmp_path: Path, text: str, expected: str):
    path = tmp_path / "train.yaml"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_arguments(path)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"learning_rate": "fast"}, "learning_rate is 'fast', expected a number above 0"),
        (
            {"learning_rate": "1e-4"},
            "learning_rate is '1e-4', expected a number above 0; YAML reads 1e-4 as text: write",
        ),
        ({"learning_rate": -1.0}, "learning_rate is -1.0, expected a number above 0"),
        ({"learning_rate": float("inf")}, "learning_rate is inf, expected a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan, expected a number above 0"),
        ({"num_train_epochs": 0}, "num_train_epochs is 0, expected a number above 0"),
        ({"max_steps": 0}, "max_steps is 0, expected an integer of at least 1"),
        ({"lora_rank": 8.0}, "lora_rank is 8.0, expected an integer of at least 1; write 8"),
        ({"lora_dropout": 1.0}, "lora_dropout is 1.0, expected a number of at least 0 and below 1"),
        ({"warmup_ratio": 1.5}, "warmup_ratio is 1.5, expected a number of at least 0 and of at most 1"),
        ({"adam_beta1": 2}, "adam_beta1 is 2, expected a number of at least 0 and below 1"),
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size is 0, expected an integer of at least 1"),
        ({"gradient_accumulation_steps": -2}, "gradient_accumulation_steps is -2, expected an integer of at least 1"),
        ({"seed": -1}, "seed is -1, expected an integer of at least 0 and below 4294967296"),
        ({"optim": "adamw"}, "optim is 'adamw', which LlamaFactory 0.9.5 does not have; write 'adamw_"),
        (
            {"lr_scheduler_type": "cosin"},
            "lr_scheduler_type is 'cosin', which LlamaFactory 0.9.5 does not have; write 'cos",
        ),
        ({"eval_strategy": False}, "eval_strategy is False, expected one of no, steps, epoch; put it in quotes"),
        ({"bf16": "yes"}, "bf16 is 'yes', expected true or false"),
    ],
)
def test_a_value_that_llamafactory_does_not_take_is_one_sentence(
    tmp_path: Path, sound: dict, change: dict, expected: str
):
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(sound | change))
    with pytest.raises(DataError) as caught:
        read_arguments(path)
    assert str(caught.value).startswith(f"{path}: {expected}")


def test_the_values_of_a_run_and_of_llamafactorys_examples_pass(tmp_path: Path, sound: dict):
    settings = training_config(
        model=sound["model_name_or_path"], data=sound["dataset_dir"], template="gemma", split_special_tokens=False,
        checkpoints="out", settings={"cutoff_len": 128, "optim": "adamw_torch"}, seed=0, bf16=True, gpu=False,
    )  # fmt: skip
    settings |= {"max_steps": -1, "num_train_epochs": 3.0, "learning_rate": 1.0e-4, "deepspeed": None}
    (tmp_path / "data/dataset_info.json").write_text('{"train": {}, "validation": {}}')
    settings |= {
        "dataset": "train",
        "plot_loss": True,
        "warmup_ratio": 0.1,
        "save_steps": 500,
        "ddp_timeout": 180000000,
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    assert read_arguments(tmp_path / "train.yaml") == settings


@pytest.mark.parametrize(("name", "expected"), [("missing.yaml", "no such file"), (".", "cannot be read")])
def test_the_command_ends_with_the_sentence(tmp_path: Path, name: str, expected: str):
    result = CliRunner().invoke(app, ["train", str(tmp_path / name)])
    assert result.exit_code == 1
    assert result.stderr.startswith("DataError: ")
    assert expected in result.stderr


def test_bytes_that_are_no_text_are_one_sentence(tmp_path: Path):
    (tmp_path / "train.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="save it as UTF-8"):
        read_arguments(tmp_path / "train.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "mine"}, "dataset is 'mine', which .*dataset_info.json does not describe"),
        ({"dataset": "train"}, "dataset_info.json: file_name of 'train' is 'rows.json', which is not there; copy it"),
        ({"template": "gemma9"}, "template is 'gemma9', which the installed LlamaFactory does not have"),
    ],
)
def test_what_the_file_names_must_be_there(tmp_path: Path, sound: dict, change: dict, message: str):
    (tmp_path / "data/dataset_info.json").write_text('{"train": {"file_name": "rows.json"}}')
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(sound | change))
    with pytest.raises(DataError, match=message):
        read_arguments(tmp_path / "train.yaml")
