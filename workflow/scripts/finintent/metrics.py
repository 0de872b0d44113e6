"""Metrics of a model. Predictions are all that they read, whoever made them."""

from dataclasses import asdict
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from finintent.calibration import brier, expected_calibration_error, log_loss, probabilities, reliability
from finintent.errors import DataError
from finintent.scorers import TEXT_SCORERS
from finintent.statistics import UNPARSABLE, McNemar, macro_f1, mcnemar_exact, per_class, wilson

Row = dict[str, Any]
LOG_LIKELIHOOD = "loglikelihood"
SCORERS = (LOG_LIKELIHOOD, *TEXT_SCORERS)


def answers(rows: list[Row], scorer: str, names: dict[str, str]) -> list[str | None]:
    """Return the label code that each prediction comes out as under a scorer, None where it comes out as none.

    `names`: option text by label code. A classifier, which says nothing, is scored by its probabilities throughout.
    """
    return [_answer(row, scorer, names) for row in rows]


def _answer(row: Row, scorer: str, names: dict[str, str]) -> str | None:
    if scorer == LOG_LIKELIHOOD or row["text"] is None:
        return max(row["log_probabilities"], key=row["log_probabilities"].__getitem__)
    options = row["options"]
    shown = {letter: names[code] for letter, code in options.items()}
    return options.get(TEXT_SCORERS[scorer](row["text"], list(options), shown))


def summarise(rows: list[Row], names: dict[str, str], scorer: str) -> dict[str, Any]:
    """Return the metrics of one set of predictions under one scorer; `names`: option text by label code.

    accuracy (0-1) with its 95 % Wilson interval, macro_f1, the scores of each label, the share of answers that parse,
    and the confusion matrix: rows are gold labels in the order of `names`, columns the same and then `unparsable`.
    """
    if not rows:
        raise DataError("no predictions to summarise")
    codes = list(names)
    gold, predicted = [row["gold"] for row in rows], answers(rows, scorer, names)
    correct = sum(a == b for a, b in zip(gold, predicted, strict=True))
    low, high = wilson(correct, len(rows))
    counts = confusion_matrix(gold, [code or UNPARSABLE for code in predicted], labels=[*codes, UNPARSABLE])
    return {
        "questions": len(rows),
        "correct": correct,
        "accuracy": correct / len(rows),
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": macro_f1(gold, predicted, codes),
        "per_class": {code: asdict(scores) for code, scores in per_class(gold, predicted, codes).items()},
        "parsed": 1 - predicted.count(None) / len(rows),
        "confusion": counts[: len(codes)].tolist(),
    }


def calibrate(rows: list[Row], codes: list[str]) -> dict[str, Any]:
    """Return how far the probabilities of the options can be believed: brier, log_loss (nats), ece, reliability."""
    options = probabilities([[row["log_probabilities"][code] for code in codes] for row in rows])
    gold = np.array([codes.index(row["gold"]) for row in rows])
    confidence, right = options.max(axis=1), options.argmax(axis=1) == gold
    return {
        "brier": brier(options, gold),
        "log_loss": log_loss(options, gold),
        "ece": expected_calibration_error(confidence, right),
        "confidence": float(confidence.mean()),
        "reliability": reliability(confidence, right),
    }


def right_answers(rows: list[Row], scorer: str, names: dict[str, str]) -> dict[str, bool]:
    """Return whether each question was answered right, by its id."""
    return {row["id"]: answer == row["gold"] for row, answer in zip(rows, answers(rows, scorer, names), strict=True)}


def compare(first: list[Row], second: list[Row], scorer: str, names: dict[str, str]) -> McNemar:
    """Test whether `second` differs from `first`; DataError when they do not answer the same questions."""
    left, right = (right_answers(rows, scorer, names) for rows in (first, second))
    if left.keys() != right.keys():
        raise DataError(
            f"the two sets of predictions answer different questions ({len(left)} and {len(right)}, "
            f"{len(left.keys() & right.keys())} shared); evaluate both on the same file"
        )
    return mcnemar_exact(list(left.values()), [right[key] for key in left])
