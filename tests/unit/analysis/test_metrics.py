import math

import pytest

from finintent.analysis.calibration import fit_temperature
from finintent.analysis.metrics import calibrate, permuted, temperature
from predictions import changed, counted, measured_alone, rows, shown, summarised_as, tied


def test_wilson_interval_is_the_formula():
    metrics = summarised_as(counted(188, 235), "greedy")
    p, n, z = 188 / 235, 235, 1.959963984540054
    centre, half = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    expected = ((centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n))
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == pytest.approx(expected, abs=1e-12)


def test_unparsable_answers_are_counted_and_wrong():
    metrics = summarised_as(rows(("a", "a"), ("a", None), ("b", None), ("b", "a")), "greedy")
    assert metrics["accuracy"] == 0.25
    assert metrics["parsed"] == 0.5
    assert metrics["confusion"] == [[1, 0, 1], [1, 0, 1]]
    assert {code: scores["recall"] for code, scores in metrics["per_class"].items()} == {"a": 0.5, "b": 0.0}
    assert metrics["per_class"]["b"]["support"] == 2


def test_calibration_by_hand():
    measured = calibrate(rows(("a", "a"), ("a", "b")), ["a", "b"])
    sure = math.exp(-0.1) / (math.exp(-0.1) + math.exp(-3.0))
    assert measured["confidence"] == pytest.approx(sure)
    assert measured["ece"] == pytest.approx(sure - 0.5)
    assert measured["log_loss"] == pytest.approx(-(math.log(sure) + math.log(1 - sure)) / 2)
    assert measured["brier"] == pytest.approx((2 * (1 - sure) ** 2 + 2 * sure**2) / 2)


def test_calibration_by_hand_after_scaling():
    measured = calibrate(rows(("a", "a"), ("a", "b")), ["a", "b"], temperature=2.0)
    sure = math.exp(-0.05) / (math.exp(-0.05) + math.exp(-1.5))
    assert measured["temperature"] == 2.0
    assert measured["scaled"]["confidence"] == pytest.approx(sure)
    assert measured["scaled"]["ece"] == pytest.approx(sure - 0.5)
    assert measured["confidence"] > sure


def test_the_temperature_is_fitted_on_validation_rows_alone():
    evaluation, validation = counted(1, 5), counted(4, 5)
    assert measured_alone(evaluation, validation)["calibration"]["temperature"] == pytest.approx(
        fit_temperature([[-0.1, -3.0]] * 4 + [[-3.0, -0.1]], [0] * 5), rel=1e-6
    )


def test_there_is_no_temperature_where_there_is_nothing_to_fit_it_on():
    constant = changed(rows(("a", "a"), ("b", "a")), log_probabilities={"a": -0.5, "b": -1.0})
    silent = changed(counted(3, 5), log_probabilities=None)
    right = rows(("a", "a"), ("b", "b"))
    assert [temperature(given, ["a", "b"]) for given in ([], right, constant, silent)] == [None] * 4
    calibration = measured_alone(counted(3, 5))["calibration"]
    assert (calibration["temperature"], calibration["scaled"]) == (None, None)


def test_permutations_count_each_order_and_equal_answers():
    measured = permuted([shown("a", "a", "a", "b"), shown("a", "a", "a", "a"), shown("b", "a", "a", "a")])
    assert measured["orders"] == 3
    assert measured["accuracy"] == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    assert measured["mean"] == pytest.approx(5 / 9)
    assert measured["worst"] == pytest.approx(1 / 3)
    assert measured["consistency"] == pytest.approx(2 / 3)  # the third is wrong, but always the same


def test_ties_are_counted_and_wrong_whatever_the_gold_label_is():
    given = [*rows(("a", "a"), ("a", None)), tied("a"), tied("b", text="neither")]
    measured = measured_alone(given)["scorers"]
    assert (measured["loglikelihood"]["ties"], measured["loglikelihood"]["correct"]) == (3, 1)  # None ties in `rows`
    assert measured["loglikelihood"]["parsed"] == 0.25
    assert measured["loglikelihood"]["confusion"] == [[1, 0, 2], [0, 0, 1]]
    assert (measured["greedy"]["ties"], measured["greedy"]["correct"]) == (0, 2)
    silent = measured_alone(changed(given, text=None))["scorers"]
    assert [silent[scorer]["ties"] for scorer in ("loglikelihood", "greedy")] == [3, 3]


@pytest.mark.parametrize("gold", ["a", "b"])
def test_a_tie_is_wrong_in_the_calibration_too(gold: str):
    measured = calibrate([tied(gold)], ["a", "b"])
    assert measured["reliability"][0]["accuracy"] == 0
    assert measured["ece"] == 0.5


@pytest.mark.parametrize("gold", ["a", "b"])
def test_a_tie_with_the_gold_label_leaves_a_temperature_undetermined(gold: str):
    """The lower the temperature, the lower the loss of the other row; a tie's is the same at every temperature."""
    assert temperature([*rows(("a", "a")), tied(gold)], ["a", "b"]) is None


def test_two_ties_are_not_the_same_answer():
    measured = permuted([shown("a", None, None), shown("a", "a", "a")])
    assert measured["ties"] == 2
    assert measured["accuracy"] == [0.5, 0.5]
    assert measured["consistency"] == 0.5
