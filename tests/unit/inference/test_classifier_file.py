"""The small file beside a merged model."""

import json
from pathlib import Path

import pytest

from finintent.errors import DataError, ModelError
from finintent.inference.classifier_file import ClassifierFile, read_classifier, write_classifier
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import DATASET, ROOT

RESOURCES = ROOT / "tests/datasets" / DATASET


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file and what stands for the weights."""
    (tmp_path / "seed-1/model").mkdir(parents=True)
    (tmp_path / "seed-1/model/config.json").write_text("{}")
    write_classifier(tmp_path / "seed-1/classifier.json", made())
    return tmp_path / "seed-1"


def made(**changes: object) -> ClassifierFile:
    settings = {
        "template": None,
        "taxonomy": read_taxonomy(RESOURCES / "taxonomy.yaml"),
        "instruction": read_instruction(RESOURCES / "prompts/instruction.yaml"),
        "temperature": 1.7,
        "precision": "auto",
        "examples": ("Where is it?",),
    }
    return ClassifierFile(**settings | changes)


def test_what_was_written_is_read(folder: Path):
    assert read_classifier(folder) == made()


def test_the_form_of_answer_is_kept_and_older_files_answer_by_letter(folder: Path):
    path = folder / "classifier.json"
    write_classifier(path, made(answer="label"))
    assert read_classifier(folder).answer == "label"
    older = json.loads(path.read_text())
    del older["answer"]
    # As such files were written before wordings knew two forms.
    older["instruction"]["template"] = "Question: {question}\n{options}\nAnswer {letters}."
    del older["instruction"]["request"]
    path.write_text(json.dumps(older))
    read, turn = read_classifier(folder), ("Why?", {"A": "x", "B": "y"})
    assert read.answer == "letter"
    assert read.instruction.render(*turn) == made().instruction.render(*turn)


def test_a_folder_without_the_file_or_the_weights_is_named(folder: Path):
    with pytest.raises(ModelError, match=r"model: no classifier.json there, .*give .*/seed-1$"):
        read_classifier(folder / "model")
    (folder / "model/config.json").unlink()
    with pytest.raises(ModelError, match=r"seed-1/model: no config.json there"):
        read_classifier(folder)
    with pytest.raises(ModelError, match=r"nowhere: no classifier.json there, .*run the workflow"):
        read_classifier("nowhere")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", 0),
        ("temperature", 1e-320),
        ("precision", "int8"),
        ("answer", "number"),
        ("tempo", 1),
        ("taxonomy", {}),
    ],
)
def test_a_wrong_key_is_named(folder: Path, key: str, value: object):
    path = folder / "classifier.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(DataError, match=rf"classifier.json: {key}.*found"):
        read_classifier(folder)


def test_a_template_that_the_installed_llamafactory_lacks_is_named(folder: Path):
    path = folder / "classifier.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"template": "gemma9"}))
    with pytest.raises(ModelError, match=r"classifier\.json: template is 'gemma9', which the installed LlamaFactory"):
        read_classifier(folder)
