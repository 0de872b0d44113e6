"""What a merged model needs to be used on its own, in one small file beside it."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from finintent.config.answer_form import Answer
from finintent.config.llamafactory import known
from finintent.errors import ModelError
from finintent.files import parse, read_json, write_json
from finintent.task.taxonomy import Taxonomy
from finintent.task.wording import Instruction

FILE_NAME = "classifier.json"
WEIGHTS = "model"  # the folder of the merged model, beside the file


class ClassifierFile(BaseModel):
    """How a question is put to the merged model, and how its answer is read.

    template: LlamaFactory's name of the prompt, None where the tokenizer brings its own; temperature: what
    log-probabilities are divided by (`calibration.fit_temperature`), 1 where none was fitted; precision: of inference,
    as in the configuration; examples: questions that a page may offer; answer: what the model answers with, a letter
    in files of earlier versions, which do not name it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    template: str | None
    taxonomy: Taxonomy
    instruction: Instruction
    temperature: float = Field(ge=1e-3, le=1e3, allow_inf_nan=False)
    precision: Literal["auto", "bf16", "fp32"]
    examples: tuple[str, ...] = ()
    answer: Answer = "letter"


def read_classifier(folder: str | Path) -> ClassifierFile:
    """Read the classifier.json of a folder; ModelError where it, or the model beside it, is missing."""
    folder = Path(folder)
    if not (folder / FILE_NAME).is_file():
        advice = f"give {folder.parent}" if (folder.parent / FILE_NAME).is_file() else "run the workflow to make one"
        raise ModelError(f"{folder}: no {FILE_NAME} there, expected it beside the folder {WEIGHTS}/; {advice}")
    check_weights(folder / WEIGHTS)
    settings = parse(folder / FILE_NAME, read_json(folder / FILE_NAME), ClassifierFile)
    if settings.template is not None and settings.template not in known()["templates"]:
        raise ModelError(
            f"{folder / FILE_NAME}: template is {settings.template!r}, which the installed LlamaFactory does not have; "
            "restore the file that came with the model"
        )
    return settings


def write_classifier(path: str | Path, classifier: ClassifierFile) -> None:
    """Write a classifier.json."""
    write_json(path, classifier.model_dump(mode="json"))


def check_weights(folder: Path) -> None:
    """Raise ModelError unless the folder is a model's in Hugging Face's format."""
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder}: no config.json there, expected a Hugging Face model folder; check the path")
