"""What `finintent train` says of the file that it is given."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from finintent.cli import app
from finintent.errors import DataError
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
        ({"dataset": "train,mine"}, "dataset is 'mine', which .*dataset_info.json does not describe"),
        ({"template": "gemma9"}, "template is 'gemma9', which the installed LlamaFactory does not have"),
    ],
)
def test_what_the_file_names_must_be_there(tmp_path: Path, sound: dict, change: dict, message: str):
    (tmp_path / "data/dataset_info.json").write_text('{"train": {}}')
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(sound | change))
    with pytest.raises(DataError, match=message):
        read_arguments(tmp_path / "train.yaml")
