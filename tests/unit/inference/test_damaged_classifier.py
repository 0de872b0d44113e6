"""The folder of a merged model that was damaged since the workflow checked it."""

from pathlib import Path

import pytest

from finintent.errors import FinintentError
from finintent.inference.classifier import load_classifier
from finintent.inference.classifier_file import ClassifierFile, write_classifier
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import DATASET, ROOT, write_tiny_model

RESOURCES = ROOT / "tests/datasets" / DATASET


@pytest.mark.parametrize(
    ("file", "content", "template", "message"),
    [
        ("config.json", b"{", "gemma", r"config\.json: not JSON"),
        ("config.json", b"{}", "gemma", r"config\.json: no key model_type"),
        ("model.safetensors", b"", "gemma", r"model\.safetensors: empty"),
        ("tokenizer.json", b"{}", "gemma", r"model: the tokenizer cannot be loaded"),
        (None, b"", "qwen", "the model does not know the tokens of the template 'qwen'"),
    ],
)
def test_a_damaged_model_is_one_sentence(tmp_path: Path, file: str | None, content: bytes, template: str, message: str):
    weights = write_tiny_model(tmp_path / "model")
    settings = ClassifierFile(
        template=template,
        taxonomy=read_taxonomy(RESOURCES / "taxonomy.yaml"),
        instruction=read_instruction(RESOURCES / "prompts/instruction.yaml"),
        temperature=1.0,
        precision="fp32",
    )
    write_classifier(tmp_path / "classifier.json", settings)
    if file:
        (weights / file).write_bytes(content)
    with pytest.raises(FinintentError, match=message):
        load_classifier(tmp_path)
