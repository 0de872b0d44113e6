"""Naming the label of a question with a merged model, outside the workflow."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

# Read when it is imported: LlamaFactory's own notes would stand among the answers.
os.environ.setdefault("LLAMAFACTORY_VERBOSITY", "WARN")

with redirect_stdout(sys.stderr):
    from transformers.utils.logging import disable_progress_bar

    from finintent.inference.compute import uses_bf16
    from finintent.inference.likelihood import predict
    from finintent.inference.loading import load_model
    from finintent.inference.packed import pack_weights
    from finintent.inference.prompting import Prompter
    from finintent.models.folder_check import check_folder

from finintent.analysis.calibration import probabilities
from finintent.errors import FinintentError, ModelError
from finintent.files import one_line
from finintent.inference.classifier_file import FILE_NAME, WEIGHTS, ClassifierFile, check_weights, read_classifier
from finintent.task.chosen import most_probable
from finintent.task.prediction import Prediction
from finintent.task.questions import checked

BATCH_SIZE = 16
CHUNK = 256  # questions answered before the first is printed


class Classifier:
    """Weights that answer by the wording, labels and temperature of a classifier.json."""

    def __init__(self, weights: Path, settings: ClassifierFile) -> None:
        """Load the weights; ModelError where there are none. Nothing is written to standard output."""
        check_weights(weights)
        disable_progress_bar()
        self.settings = settings
        with redirect_stdout(sys.stderr), _loaded(weights):
            self._prompter = Prompter(str(weights), settings.template)
            self._model = pack_weights(load_model(str(weights), bf16=uses_bf16(settings.precision)))
        prompt, _ = self._prompter.encode("?", "")
        if max(prompt) >= self._model.get_input_embeddings().num_embeddings:  # LlamaFactory adds tokens that it misses
            raise ModelError(
                f"{weights}: the model does not know the tokens of the template {settings.template!r} in "
                f"{FILE_NAME}; give the folder of a model that was tuned with it, or its base"
            )

    def classify(self, texts: list[str]) -> list[dict[str, Any]]:
        """Return one answer a text, in the order given.

        Returns:
            question, label (code), name, and the calibrated probabilities by label code, which sum to one, most
            probable first. label and name are None where several labels tie for the most probable one.

        Raises:
            DataError: a text is empty.
        """
        taxonomy = self.settings.taxonomy
        questions = [
            {"id": str(index), "question": checked(text), "options": taxonomy.options} | {"gold": "", "hard": False}
            for index, text in enumerate(texts)
        ]
        if not questions:
            return []
        rows = predict(
            self._model,
            self._prompter,
            questions,
            taxonomy,
            self.settings.instruction,
            batch_size=BATCH_SIZE,
            seed=0,
            answer=self.settings.answer,
        )
        scores = [[row.log_probabilities[code] for code in taxonomy.codes] for row in rows]
        shares = probabilities(scores, self.settings.temperature).tolist()
        return [self._answer(row, by_code) for row, by_code in zip(rows, shares, strict=True)]

    def _answer(self, row: Prediction, shares: list[float]) -> dict[str, Any]:
        label = most_probable(row.log_probabilities)
        return {
            "question": row.question,
            "label": label,
            "name": label and self.settings.taxonomy.names[label],
            "probabilities": dict(
                sorted(zip(self.settings.taxonomy.codes, shares, strict=True), key=lambda pair: -pair[1])
            ),
        }


@contextmanager
def _loaded(weights: Path) -> Iterator[None]:
    """Name the file that is damaged where a model cannot be loaded, which nobody checked since it was written.

    Raises:
        ModelError: it cannot be loaded.
        DataError: a JSON file of it does not parse.
    """
    try:
        yield
    except FinintentError:
        raise
    except Exception as error:  # of whatever class: the folder is a user's
        check_folder(weights)
        raise ModelError(f"{weights}: cannot be loaded ({one_line(error)}); copy it again") from None


def load_classifier(folder: str | Path) -> Classifier:
    """Load the merged model of a folder that holds classifier.json and model/; ModelError for other folders."""
    return Classifier(Path(folder) / WEIGHTS, read_classifier(folder))


def load_base(weights: str | Path, tuned: ClassifierFile) -> Classifier:
    """Load a base model that is asked as the tuned one is; its probabilities are its own, without a temperature."""
    return Classifier(Path(weights), tuned.model_copy(update={"temperature": 1.0}))


def classify_all(classifier: Classifier, texts: list[str]) -> Iterator[dict[str, Any]]:
    """Yield one answer a text, in the order given, while the later ones are still to be answered."""
    for start in range(0, len(texts), CHUNK):
        yield from classifier.classify(texts[start : start + CHUNK])
