"""Calibration: how well a model's probabilities of the options agree with its accuracy."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn import metrics

MAX_TEMPERATURE = 20.0


def probabilities(log_probabilities: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities that sum to one over the options, shape (questions, options).

    Args:
        log_probabilities: natural logarithms, same shape; those of a question need not sum to one as probabilities.
        temperature: the logarithms are divided by it first; a value above 1 lowers the confidence.
    """
    return softmax(np.asarray(log_probabilities, dtype=float) / temperature, axis=1)


def brier(probabilities: ArrayLike, gold_index: ArrayLike) -> float:
    """Return the multi-class Brier score: squared errors summed over the options, mean over questions, 0 (best) to 2.

    This is Brier's own sum (1950, Monthly Weather Review 78(1)), for two options twice the usual binary score.

    Args:
        probabilities: shape (questions, options).
        gold_index: column of the right option, shape (questions,).
    """
    labels = range(np.shape(probabilities)[1])
    return float(metrics.brier_score_loss(gold_index, probabilities, labels=labels, scale_by_half=False))


def log_loss(probabilities: ArrayLike, gold_index: ArrayLike) -> float:
    """Return the mean negative log-probability of the right option, in nats; arguments as of `brier`.

    A probability of zero is replaced by the machine epsilon of its float type (36 nats in float64).
    """
    return float(metrics.log_loss(gold_index, probabilities, labels=range(np.shape(probabilities)[1])))


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = 10) -> list[dict[str, Any]]:
    """Return the bars of a reliability diagram: bins (low, high] of equal width, without empty ones.

    Args:
        confidence: probability of the option chosen, shape (questions,).
        right: whether it is the right one, shape (questions,).
        bins: number of bins.

    Returns:
        low, high, count, and the mean confidence and accuracy (0-1) of the questions, for each bin.
    """
    confidence, right = np.asarray(confidence, dtype=float), np.asarray(right, dtype=bool)
    edges = np.arange(bins + 1) / bins
    chosen = np.searchsorted(edges[1:-1], confidence)
    return [
        {
            "low": float(edges[index]),
            "high": float(edges[index + 1]),
            "count": int(np.sum(chosen == index)),
            "confidence": float(confidence[chosen == index].mean()),
            "accuracy": float(right[chosen == index].mean()),
        }
        for index in np.unique(chosen)
    ]


def expected_calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = 10) -> float:
    """Return the mean difference of confidence and accuracy over questions, 0 (best) to 1, in bins of equal width.

    Guo et al. 2017, section 2 (https://proceedings.mlr.press/v70/guo17a.html); arguments as of `reliability`.
    """
    bars = reliability(confidence, right, bins)
    total = sum(bar["count"] for bar in bars)
    return sum(bar["count"] * abs(bar["confidence"] - bar["accuracy"]) for bar in bars) / total


def fit_temperature(log_probabilities: ArrayLike, gold_index: ArrayLike) -> float:
    """Return the temperature with the lowest log loss (Guo et al. 2017, section 4.2), between 1/20 and 20.

    Fit it on validation rows only, never on the questions that are reported. If all rows are answered right, the result
    is the lower bound: such rows do not determine a temperature.

    Args:
        log_probabilities: natural logarithms, shape (questions, options).
        gold_index: column of the right option, shape (questions,).
    """
    scores, gold = np.asarray(log_probabilities, dtype=float), np.asarray(gold_index, dtype=int)

    def loss(log_temperature: float) -> float:
        log_probability = log_softmax(scores / math.exp(log_temperature), axis=1)
        return -float(log_probability[np.arange(len(gold)), gold].mean())

    bound = math.log(MAX_TEMPERATURE)
    return math.exp(minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-8}).x)
