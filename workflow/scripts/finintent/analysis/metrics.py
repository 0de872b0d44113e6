"""Metrics of a model. Predictions are all that they read, whoever made them."""

from dataclasses import asdict
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from finintent.analysis.answers import (
    GREEDY,
    LOG_LIKELIHOOD,
    SCORERS,
    Row,
    answers,
    has_probabilities,
    most_probable,
    right_answers,
)
from finintent.analysis.calibration import (
    brier,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    probabilities,
    reliability,
)
from finintent.analysis.extraction import TEXT_SCORERS
from finintent.analysis.statistics import McNemar, macro_f1, mcnemar_exact, per_class, wilson
from finintent.errors import DataError
from finintent.task.prediction import UNPARSABLE


def measure(rows: list[Row], validation: list[Row], names: dict[str, str]) -> dict[str, Any]:
    """Return the metrics of one set of predictions; `names`: option text by label code.

    headline: the scorer that counts first; scorers: `summarise` of each that applies; calibration, where there are
    probabilities, with the temperature that `validation`, predictions of the same model on validation rows, gives;
    permutations, where the options were shown in several orders; else None.
    """
    sure = has_probabilities(rows)
    headline = LOG_LIKELIHOOD if sure else GREEDY
    return {
        "headline": headline,
        "scorers": {scorer: summarise(rows, names, scorer) for scorer in (SCORERS if sure else TEXT_SCORERS)},
        "calibration": calibrate(rows, list(names), temperature(validation, list(names))) if sure else None,
        "permutations": permuted(rows) if sure else None,
    }


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


def temperature(validation: list[Row], codes: list[str]) -> float | None:
    """Return the temperature that fits predictions on validation rows best, None where there is nothing to fit it on:

    no rows, all of them right (the surer, the better), or the same probabilities for each.
    """
    if not validation or not has_probabilities(validation):
        return None
    scores, gold = _scores(validation, codes)
    if (scores.argmax(axis=1) == gold).all() or (scores == scores[0]).all():
        return None
    return fit_temperature(scores, gold)


def calibrate(rows: list[Row], codes: list[str], temperature: float | None = None) -> dict[str, Any]:
    """Return how far the probabilities of the options can be believed: brier, log_loss (nats), ece, confidence,
    reliability; and under `scaled` the same after division by `temperature`, None without one.
    """
    scores, gold = _scores(rows, codes)
    return {
        **_calibration(probabilities(scores), gold),
        "temperature": temperature,
        "scaled": temperature and _calibration(probabilities(scores, temperature), gold),
    }


def _scores(rows: list[Row], codes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return log-probabilities, shape (questions, labels), and the gold columns, shape (questions,)."""
    scores = np.array([[row["log_probabilities"][code] for code in codes] for row in rows])
    return scores, np.array([codes.index(row["gold"]) for row in rows])


def _calibration(options: np.ndarray, gold: np.ndarray) -> dict[str, Any]:
    confidence, right = options.max(axis=1), options.argmax(axis=1) == gold
    return {
        "brier": brier(options, gold),
        "log_loss": log_loss(options, gold),
        "ece": expected_calibration_error(confidence, right),
        "confidence": float(confidence.mean()),
        "reliability": reliability(confidence, right),
    }


def permuted(rows: list[Row]) -> dict[str, Any] | None:
    """Return how answers depend on the order of the options, by log-likelihood; None where only one order was shown.

    orders: how many were shown, the question's own first; accuracy of each (0-1), their mean and worst; consistency:
    share of questions with the same answer in all of them. DataError where questions have different numbers of orders.
    """
    shown = [[row, *row.get("permutations", ())] for row in rows]
    if len(counts := {len(orders) for orders in shown}) > 1:
        raise DataError(
            f"some questions were shown in {min(counts)} orders of their options, others in {max(counts)}; "
            "evaluate all of them anew under one setting"
        )
    if counts == {1}:
        return None
    answered = np.array([[most_probable(order["log_probabilities"]) for order in orders] for orders in shown])
    accuracy = (answered == np.array([[row["gold"]] for row in rows])).mean(axis=0)
    return {
        "orders": answered.shape[1],
        "accuracy": accuracy.tolist(),
        "mean": float(accuracy.mean()),
        "worst": float(accuracy.min()),
        "consistency": float((answered == answered[:, :1]).all(axis=1).mean()),
    }


def compare(first: list[Row], second: list[Row], scorer: str, names: dict[str, str]) -> McNemar:
    """Test whether `second` differs from `first`; DataError when they do not answer the same questions."""
    left, right = (right_answers(rows, scorer, names) for rows in (first, second))
    if left.keys() != right.keys():
        raise DataError(
            f"the two sets of predictions answer different questions ({len(left)} and {len(right)}, "
            f"{len(left.keys() & right.keys())} shared); evaluate both on the same file"
        )
    return mcnemar_exact(list(left.values()), [right[key] for key in left])
