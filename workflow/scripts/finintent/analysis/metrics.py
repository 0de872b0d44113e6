"""Metrics of one system, from its predictions and its answers table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from finintent.analysis.answers import GREEDY, LOG_LIKELIHOOD, SCORERS, given_answers, ties
from finintent.analysis.calibration import (
    brier,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    probabilities,
    reliability,
)
from finintent.analysis.statistics import macro_f1, per_class, wilson
from finintent.errors import DataError
from finintent.task.chosen import NO_LABEL, most_probable
from finintent.task.prediction import Prediction


def measure(
    rows: Sequence[Prediction], answers: pd.DataFrame, validation: Sequence[Prediction], codes: list[str]
) -> dict[str, Any]:
    """Return the metrics of one system on the evaluation questions.

    Args:
        rows: its predictions.
        answers: their answers table (`answers.answer_table`).
        validation: predictions of the same model on validation rows, which the temperature is fitted on.
        codes: the codes of the labels.

    Returns:
        headline, the main scorer; scorers, the result of `summarise` and the number of ties for each scorer that
        applies; calibration, None without probabilities; permutations, None if the options were shown in one order.
    """
    probabilistic = _have_probabilities(rows)
    return {
        "headline": LOG_LIKELIHOOD if probabilistic else GREEDY,
        "scorers": {
            scorer: summarise(answers, codes, scorer) | {"ties": ties(rows, scorer)}
            for scorer in _scorers(rows)
            if probabilistic or scorer != LOG_LIKELIHOOD
        },
        "calibration": calibrate(rows, codes, temperature(validation, codes)) if probabilistic else None,
        "permutations": permuted(rows) if probabilistic else None,
    }


def _scorers(rows: Sequence[Prediction]) -> tuple[str, ...]:
    return (LOG_LIKELIHOOD, GREEDY) if all(row.answer == "label" for row in rows) else SCORERS


def _have_probabilities(rows: Sequence[Prediction]) -> bool:
    return all(row.log_probabilities is not None for row in rows)


def summarise(answers: pd.DataFrame, codes: list[str], scorer: str) -> dict[str, Any]:
    """Return the metrics of an answers table under one scorer.

    Returns:
        accuracy (0-1) with its 95 % Wilson interval, macro_f1, the scores of each label, parsed, the share of answers
        that name a label, and the confusion matrix: rows are gold labels in the order of `codes`, columns the same and
        then NO_LABEL.

    Raises:
        DataError: the table is empty.
    """
    if answers.empty:
        raise DataError("no predictions to summarise")
    gold, predicted = answers["gold"].tolist(), given_answers(answers, scorer)
    correct = sum(a == b for a, b in zip(gold, predicted, strict=True))
    low, high = wilson(correct, len(gold))
    counts = confusion_matrix(gold, [code or NO_LABEL for code in predicted], labels=[*codes, NO_LABEL])
    return {
        "questions": len(gold),
        "correct": correct,
        "accuracy": correct / len(gold),
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": macro_f1(gold, predicted, codes),
        "per_class": {code: asdict(scores) for code, scores in per_class(gold, predicted, codes).items()},
        "parsed": 1 - predicted.count(None) / len(gold),
        "confusion": counts[: len(codes)].tolist(),
    }


def temperature(validation: Sequence[Prediction], codes: list[str]) -> float | None:
    """Return the temperature that fits predictions on validation rows best.

    None where the rows do not determine it: there are no rows or no probabilities, no label is more probable than the
    right one in any row (then the lowest temperature is the best), or all rows have the same probabilities.
    """
    if not validation or not _have_probabilities(validation):
        return None
    scores, gold = _scores(validation, codes)
    if (scores.max(axis=1) == scores[np.arange(len(gold)), gold]).all() or (scores == scores[0]).all():
        return None
    return fit_temperature(scores, gold)


def calibrate(rows: Sequence[Prediction], codes: list[str], temperature: float | None = None) -> dict[str, Any]:
    """Return measures of the calibration of the probabilities of the options.

    Args:
        rows: predictions with probabilities.
        codes: the codes of the labels.
        temperature: for temperature scaling, None for no scaling.

    Returns:
        brier, log_loss (nats), ece, confidence (mean), reliability (bars); temperature; and under `scaled` the same
        measures after temperature scaling, None without a temperature.
    """
    scores, gold = _scores(rows, codes)
    return {
        **_calibration(scores, gold, 1.0),
        "temperature": temperature,
        "scaled": temperature and _calibration(scores, gold, temperature),
    }


def _scores(rows: Sequence[Prediction], codes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return log-probabilities, shape (questions, labels), and the gold columns, shape (questions,)."""
    scores = np.array([[row.log_probabilities[code] for code in codes] for row in rows])
    return scores, np.array([codes.index(row.gold) for row in rows])


def _names_gold(scores: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Return whether the right option alone is the most probable one, shape (questions,); arguments as of `_scores`."""
    best = scores == scores.max(axis=1, keepdims=True)
    return best[np.arange(len(gold)), gold] & (best.sum(axis=1) == 1)


def _calibration(scores: np.ndarray, gold: np.ndarray, temperature: float) -> dict[str, Any]:
    options = probabilities(scores, temperature)
    confidence, right = options.max(axis=1), _names_gold(scores, gold)
    return {
        "brier": brier(options, gold),
        "log_loss": log_loss(options, gold),
        "ece": expected_calibration_error(confidence, right),
        "confidence": float(confidence.mean()),
        "reliability": reliability(confidence, right),
    }


def permuted(rows: Sequence[Prediction]) -> dict[str, Any] | None:
    """Return how answers depend on the order of the options, by log-likelihood.

    Returns:
        orders, how many were shown, the question's own first; accuracy of each (0-1), their mean and worst;
        consistency, the share of questions with the same answer in all of them; ties, the number of answers, over all
        orders, that name no label because several tie. None if only one order was shown.

    Raises:
        DataError: questions have different numbers of orders.
    """
    shown = [row.orders for row in rows]
    if len(counts := {len(orders) for orders in shown}) > 1:
        raise DataError(
            f"some questions were shown in {min(counts)} orders of their options, others in {max(counts)}; "
            "evaluate all of them again under one setting"
        )
    if counts == {1}:
        return None
    answered = np.array([[most_probable(order) or NO_LABEL for order in orders] for orders in shown])
    tied = answered == NO_LABEL
    accuracy = (answered == np.array([[row.gold] for row in rows])).mean(axis=0)
    return {
        "orders": answered.shape[1],
        "accuracy": accuracy.tolist(),
        "mean": float(accuracy.mean()),
        "worst": float(accuracy.min()),
        "consistency": float(((answered == answered[:, :1]) & ~tied).all(axis=1).mean()),
        "ties": int(tied.sum()),
    }
