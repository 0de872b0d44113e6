import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from finintent.analysis.calibration import (
    brier,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    probabilities,
    reliability,
)

# Reference values: R 4.2.2 on these four questions with q <- exp(x / T) / rowSums(exp(x / T)).
LOG_PROBABILITIES = [[-0.1, -3, -4], [-1, -0.5, -2], [-2, -2.5, -0.3], [-0.7, -0.9, -5]]
GOLD = [0, 0, 2, 1]


def synthetic(scale: float, questions: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities over five options, `scale` times as sure as the answers drawn from them warrant."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, size=(questions, 5))
    gold = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    return log_softmax(scale * logits, axis=1), gold


@pytest.mark.parametrize(
    ("temperature", "first", "brier_score", "loss"),
    [
        (1, (0.93000318777466384, 0.05117177005408555, 0.01882504217125054), 0.36275673394406965, 0.55990273253687273),
        (2, (0.72629850496114867, 0.17036804955083115, 0.10333344548802025), 0.40454459370550838, 0.68761773251836444),
    ],
)
def test_probabilities_brier_and_log_loss_are_those_of_r(temperature, first, brier_score, loss):
    renormalised = probabilities(LOG_PROBABILITIES, temperature)
    assert renormalised[0] == pytest.approx(first, abs=1e-9)
    assert brier(renormalised, GOLD) == pytest.approx(brier_score, abs=1e-9)
    assert log_loss(renormalised, GOLD) == pytest.approx(loss, abs=1e-9)


@given(
    st.lists(st.lists(st.floats(-700, 0), min_size=3, max_size=3), min_size=1, max_size=5),
    st.floats(0.05, 20),
)
def test_probabilities_sum_to_one_and_keep_the_order(log_probabilities, temperature):
    renormalised = probabilities(log_probabilities, temperature)
    assert renormalised.sum(axis=1) == pytest.approx(1)
    for row, scores in zip(renormalised, log_probabilities, strict=True):
        assert row[np.argmax(scores)] == row.max()


def test_brier_runs_from_zero_to_two_and_needs_no_gold_of_every_option():
    certain = np.eye(3)
    assert brier(certain, [0, 1, 2]) == 0
    assert brier(certain[:1], [1]) == 2
    assert brier(certain[:2, :2], [0, 0]) == 1
    assert log_loss(certain[:1], [0]) == pytest.approx(0, abs=1e-9)


def test_log_loss_of_the_impossible_is_finite():
    assert log_loss([[0.0, 1.0]], [0]) == pytest.approx(-math.log(np.finfo(float).eps))


def test_reliability_bins_are_closed_on_the_right():
    confidence = [0.0, 0.1, 0.3, 0.30001, 0.95, 1.0, 1.0]
    right = [False, True, False, True, True, True, False]
    bars = reliability(confidence, right)
    assert [(bar["low"], bar["high"]) for bar in bars] == [(0, 0.1), (0.2, 0.3), (0.3, 0.4), (0.9, 1)]
    assert [bar["count"] for bar in bars] == [2, 1, 1, 3]
    assert [bar["accuracy"] for bar in bars] == pytest.approx([0.5, 0, 1, 2 / 3])
    assert [bar["confidence"] for bar in bars] == pytest.approx([0.05, 0.3, 0.30001, 2.95 / 3])
    gaps = [2 * 0.45, 0.3, 0.69999, 3 * (2.95 / 3 - 2 / 3)]
    assert expected_calibration_error(confidence, right) == pytest.approx(sum(gaps) / 7, abs=1e-12)


def test_fewer_bins_hide_errors_that_cancel():
    confidence, right = [0.6, 0.9], [True, False]
    assert expected_calibration_error(confidence, right, bins=10) == pytest.approx(0.65)
    assert expected_calibration_error(confidence, right, bins=1) == pytest.approx(0.25)


def test_fitted_temperature_is_the_root_in_r():
    # R: uniroot of the derivative of the log loss in log T, tol = 1e-14
    assert fit_temperature(LOG_PROBABILITIES, GOLD) == pytest.approx(0.74564454506665623, rel=1e-6)


@pytest.mark.parametrize(("scale", "temperature"), [(1, 1), (3, 3), (0.5, 0.5)])
def test_fitted_temperature_undoes_the_scale_of_the_logits(scale, temperature):
    assert fit_temperature(*synthetic(scale)) == pytest.approx(temperature, rel=0.03)


def test_scaling_calibrates_a_model_that_is_too_sure():
    log_probabilities, gold = synthetic(3)
    fitted = fit_temperature(log_probabilities[:10_000], gold[:10_000])
    before, after = (probabilities(log_probabilities[10_000:], value) for value in (1, fitted))
    right = before.argmax(axis=1) == gold[10_000:]
    assert expected_calibration_error(before.max(axis=1), right) > 0.1
    assert expected_calibration_error(after.max(axis=1), right) < 0.02
    assert log_loss(after, gold[10_000:]) < log_loss(before, gold[10_000:])
    assert brier(after, gold[10_000:]) < brier(before, gold[10_000:])


def test_rows_that_are_all_right_or_all_wrong_end_at_a_bound():
    assert fit_temperature([[-0.1, -3.0]], [0]) < 0.1
    assert fit_temperature([[-0.1, -3.0]], [1]) == pytest.approx(20, rel=1e-3)
