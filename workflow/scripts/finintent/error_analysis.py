"""Where models err: each question with every answer, and accuracy by kind of question."""

from typing import Any

import numpy as np
import pandas as pd

from finintent.calibration import probabilities
from finintent.comparison import HEADLINE, Predictions
from finintent.metrics import right_answers
from finintent.statistics import wilson

LENGTH_GROUPS = 3


def question_table(predictions: Predictions) -> pd.DataFrame:
    """Return one row a question, those that most models miss first and then those on which they disagree most.

    For each model and variant its answer and that answer's probability among the options; `missed` counts the trained
    models that are wrong, `answers` the different answers of all; `label_suspect` marks what every trained model
    misses: either the question is hard, or its label is wrong.
    """
    trained = [key for key in predictions if key[1] != "base"]
    rows = []
    for answered in zip(*predictions.values(), strict=True):
        row = {key: answered[0][key] for key in ("id", "question", "gold", "hard")}
        chosen = {}
        for key, prediction in zip(predictions, answered, strict=True):
            codes = list(prediction["log_probabilities"])
            (shares,) = probabilities([list(prediction["log_probabilities"].values())])
            chosen[key] = codes[int(shares.argmax())]
            row |= {" ".join(key): chosen[key], f"p({' '.join(key)})": float(shares.max())}
        row["missed"] = sum(chosen[key] != row["gold"] for key in trained)
        row["answers"] = len(set(chosen.values()))
        row["label_suspect"] = bool(trained) and row["missed"] == len(trained)
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.sort_values(["missed", "answers", "id"], ascending=[False, False, True], ignore_index=True)


def slices(predictions: Predictions, names: dict[str, str]) -> pd.DataFrame:
    """Return accuracy with its 95 % Wilson interval by model and slice: length of the question, hard or not, label."""
    rows: list[dict[str, Any]] = []
    for key, answers in predictions.items():
        right = list(right_answers(answers, HEADLINE, names).values())
        table = pd.DataFrame(answers)[["question", "gold", "hard"]].assign(right=right)
        lengths = table["question"].str.len()
        edges = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTH_GROUPS + 1)[1:-1]))
        groups = {
            "length": lengths.map(lambda length, edges=edges: _between(length, edges)),
            "hard": table["hard"].map({True: "hard", False: "not hard"}),
            "label": table["gold"],
        }
        for kind, values in groups.items():
            for value, part in table.groupby(values, sort=True):
                low, high = wilson(int(part["right"].sum()), len(part))
                rows.append(
                    {
                        "model": key[0],
                        "variant": key[1],
                        "slice": kind,
                        "value": value,
                        "questions": len(part),
                        "accuracy": part["right"].mean(),
                        "accuracy_low": low,
                        "accuracy_high": high,
                    }
                )
    return pd.DataFrame(rows)


def _between(length: int, edges: np.ndarray) -> str:
    place = int(np.searchsorted(edges, length))
    if place == 0:
        return f"up to {edges[0]:.0f} characters"
    if place == len(edges):
        return f"more than {edges[-1]:.0f} characters"
    return f"{edges[place - 1] + 1:.0f} to {edges[place]:.0f} characters"
