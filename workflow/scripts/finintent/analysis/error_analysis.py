"""Where models err: each question with every answer, and accuracy by kind of question."""

from typing import Any

import numpy as np
import pandas as pd

from finintent.analysis.answers import LOG_LIKELIHOOD, answers, right_answers
from finintent.analysis.calibration import probabilities
from finintent.analysis.comparison import Predictions
from finintent.analysis.statistics import wilson
from finintent.errors import DataError
from finintent.task.system import System

LENGTH_GROUPS = 3
SLICE_COLUMNS = ("model", "variant", "slice", "value", "questions", "accuracy", "accuracy_low", "accuracy_high")


def question_table(predictions: Predictions, names: dict[str, str]) -> pd.DataFrame:
    """Return one row a question, those that most models miss first and then those on which they disagree most.

    For each system its answer and that answer's probability among the options (None where it gives none); `missed`
    counts the trained models that are wrong, `answers` the different answers of all; `label_suspect` marks what every
    trained model misses: either the question is hard, or its label is wrong. A constant answer is left out: it says
    nothing of a question. `names`: option text by label code.
    """
    predictions = {system: rows for system, rows in predictions.items() if not system.constant}
    trained = [system for system in predictions if system.trained]
    chosen = {system: answers(rows, LOG_LIKELIHOOD, names) for system, rows in predictions.items()}
    table = []
    for place, answered in enumerate(zip(*predictions.values(), strict=True)):
        row = {key: answered[0][key] for key in ("id", "question", "gold", "hard")}
        for system, prediction in zip(predictions, answered, strict=True):
            row |= {system.name: chosen[system][place], f"p({system.name})": _confidence(prediction)}
        row["missed"] = sum(chosen[system][place] != row["gold"] for system in trained)
        row["answers"] = len({given[place] for given in chosen.values()})
        row["label_suspect"] = bool(trained) and row["missed"] == len(trained)
        table.append(row)
    return pd.DataFrame(table).sort_values(
        ["missed", "answers", "id"], ascending=[False, False, True], ignore_index=True
    )


def _confidence(prediction: dict[str, Any]) -> float | None:
    if prediction["log_probabilities"] is None:
        return None
    return float(probabilities([list(prediction["log_probabilities"].values())]).max())


def slices(predictions: Predictions, names: dict[str, str]) -> pd.DataFrame:
    """Return accuracy with its 95 % Wilson interval by system and slice: length of the question, hard or not, label.

    A constant answer is left out.
    """
    parts = []
    for system, rows in predictions.items():
        if not system.constant:
            table = _answered(rows, names)
            lengths = table["question"].str.len()
            edges = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTH_GROUPS + 1)[1:-1], method="lower"))
            groups = {
                "length": lengths.map(lambda length, edges=edges: _between(length, edges)),
                "hard": table["hard"].map({True: "hard", False: "not hard"}),
                "label": table["gold"],
            }
            parts += [_slice(system, table, kind, values) for kind, values in groups.items()]
    return pd.concat(parts, ignore_index=True)


def persona_slices(validation: Predictions, personas: dict[str, str], names: dict[str, str]) -> pd.DataFrame:
    """Return accuracy on the validation rows by system and persona, in the columns of `slices`.

    `personas`: who is speaking, by query; evaluation questions come without one. Empty where there is one persona only.
    DataError where a prediction is of a query that has no persona.
    """
    parts = []
    for system, rows in validation.items():
        if not system.constant and len(set(personas.values())) > 1:
            table = _answered(rows, names)
            speakers = table["question"].map(personas)
            if speakers.isna().any():
                raise DataError(
                    f"{system.name}: the validation query {table['question'][speakers.isna()].iloc[0]!r} is not in the "
                    "curated validation set; evaluate the model anew"
                )
            parts.append(_slice(system, table, "persona (validation rows)", speakers))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=SLICE_COLUMNS)


def _answered(rows: list[dict[str, Any]], names: dict[str, str]) -> pd.DataFrame:
    right = list(right_answers(rows, LOG_LIKELIHOOD, names).values())
    return pd.DataFrame(rows)[["question", "gold", "hard"]].assign(right=right)


def _slice(system: System, table: pd.DataFrame, kind: str, values: pd.Series) -> pd.DataFrame:
    rows = [
        [*system[:2], kind, value, len(part), part["right"].mean(), *wilson(int(part["right"].sum()), len(part))]
        for value, part in table.groupby(values, sort=True)
    ]
    return pd.DataFrame(rows, columns=SLICE_COLUMNS)


def _between(length: int, edges: np.ndarray) -> str:
    place = int(np.searchsorted(edges, length))
    if place == 0:
        return f"up to {edges[0]} characters"
    if place == len(edges):
        return f"more than {edges[-1]} characters"
    return f"{edges[place - 1] + 1} to {edges[place]} characters"
