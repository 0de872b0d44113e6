import math

import pandas as pd
import pytest
from scipy.stats import binomtest

from finintent.comparison import compared_pairs, paired_tests, summary
from finintent.errors import DataError
from finintent.metrics import answers, calibrate, compare, summarise

NAMES = {"a": "apples", "b": "bread"}
OPTIONS = {"A": "a", "B": "b"}


def rows(*pairs: tuple[str, str | None]) -> list[dict]:
    letters = {code: letter for letter, code in OPTIONS.items()}
    return [
        {
            "id": str(index),
            "gold": gold,
            "options": OPTIONS,
            "text": letters.get(said, "neither"),
            "log_probabilities": {code: -0.1 if code == said else -3.0 for code in NAMES},
        }
        for index, (gold, said) in enumerate(pairs)
    ]


def counted(correct: int, total: int) -> list[dict]:
    return rows(*[("a", "a")] * correct, *[("a", "b")] * (total - correct))


# The original study by its counts of 75 questions: exact McNemar and Wilson.
@pytest.mark.parametrize(
    ("base", "fixed", "broken", "p_value", "low", "high"),
    [
        (64, 7, 5, 0.774, 78.7, 93.6),
        (53, 13, 0, 0.00024, 78.7, 93.6),
        (56, 11, 2, 0.022, 77.2, 92.6),
        (37, 31, 4, 3.5e-6, 75.6, 91.6),
    ],
)
def test_published_statistics_follow_from_their_counts(base, fixed, broken, p_value, low, high):
    before = counted(base, 75)
    after = rows(*[("a", "a" if broken <= index < base + fixed else "b") for index in range(75)])
    test = compare(before, after, "greedy", NAMES)
    assert (test.fixed, test.broken) == (fixed, broken)
    assert test.p_value == pytest.approx(p_value, rel=0.05)
    assert test.p_value == pytest.approx(binomtest(fixed, fixed + broken).pvalue, abs=1e-12)
    metrics = summarise(after, NAMES, "greedy")
    assert (100 * metrics["accuracy_low"], 100 * metrics["accuracy_high"]) == pytest.approx((low, high), abs=0.05)


def test_wilson_interval_is_the_formula():
    metrics = summarise(counted(188, 235), NAMES, "greedy")
    p, n, z = 188 / 235, 235, 1.959963984540054
    centre, half = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    expected = ((centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n))
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == pytest.approx(expected, abs=1e-12)


def test_unparsable_answers_are_counted_and_wrong():
    metrics = summarise(rows(("a", "a"), ("a", None), ("b", None), ("b", "a")), NAMES, "greedy")
    assert metrics["accuracy"] == 0.25
    assert metrics["parsed"] == 0.5
    assert metrics["confusion"] == [[1, 0, 1], [1, 0, 1]]
    assert {code: scores["recall"] for code, scores in metrics["per_class"].items()} == {"a": 0.5, "b": 0.0}
    assert metrics["per_class"]["b"]["support"] == 2


def test_equal_predictions_are_not_distinguishable():
    assert compare(counted(3, 5), counted(3, 5), "greedy", NAMES).p_value == 1


def test_predictions_of_other_questions_are_refused():
    with pytest.raises(DataError, match="answer different questions"):
        compare(counted(1, 2), counted(1, 3), "greedy", NAMES)
    with pytest.raises(DataError, match="no predictions"):
        summarise([], NAMES, "greedy")


def test_each_scorer_reads_the_same_raw_answer_in_its_own_way():
    row = rows(("b", "a"))[0] | {"text": "B. bread, not A."}
    read = {name: answers([row], name, NAMES)[0] for name in ("loglikelihood", "greedy", "opencompass", "original")}
    assert read == {"loglikelihood": "a", "greedy": None, "opencompass": "a", "original": None}
    # The letter counts by the options that were shown.
    turned = row | {"text": "B", "options": {"A": "b", "B": "a"}}
    assert answers([turned], "greedy", NAMES) == ["a"]


def test_a_classifier_is_scored_by_its_probabilities_throughout():
    silent = [row | {"text": None} for row in rows(("a", "a"), ("a", "b"))]
    for scorer in ("loglikelihood", "greedy", "opencompass", "original"):
        assert answers(silent, scorer, NAMES) == ["a", "b"]


def test_calibration_by_hand():
    measured = calibrate(rows(("a", "a"), ("a", "b")), ["a", "b"])
    sure = math.exp(-0.1) / (math.exp(-0.1) + math.exp(-3.0))
    assert measured["confidence"] == pytest.approx(sure)
    assert measured["ece"] == pytest.approx(sure - 0.5)
    assert measured["log_loss"] == pytest.approx(-(math.log(sure) + math.log(1 - sure)) / 2)
    assert measured["brier"] == pytest.approx((2 * (1 - sure) ** 2 + 2 * sure**2) / 2)


def test_every_base_meets_its_tuned_model_and_all_trained_ones_each_other():
    keys = [("m", "base"), ("m", "tuned"), ("n", "base"), ("n", "tuned"), ("linear", "baseline")]
    assert compared_pairs(keys) == [
        (("m", "base"), ("m", "tuned")),
        (("n", "base"), ("n", "tuned")),
        (("m", "tuned"), ("n", "tuned")),
        (("m", "tuned"), ("linear", "baseline")),
        (("n", "tuned"), ("linear", "baseline")),
    ]


def test_tests_are_adjusted_for_their_number_and_worded_by_what_they_show():
    wide, close = counted(20, 75), counted(64, 75)
    tests = paired_tests({("m", "base"): wide, ("m", "tuned"): close, ("n", "tuned"): counted(60, 75)}, NAMES, seed=0)
    table = tests[tests["scorer"] == "greedy"].set_index(["first", "second"])
    gain, rivals = table.loc[("m base", "m tuned")], table.loc[("m tuned", "n tuned")]
    assert (gain["fixed"], gain["broken"]) == (44, 0)
    assert "m tuned is 58.7 points better than m base" in gain["verdict"]
    assert rivals["p_value"] == 0.125
    assert rivals["p_holm"] == 0.125
    assert gain["p_holm"] == pytest.approx(2 * gain["p_value"])
    assert not rivals["distinguishable"]
    assert "not distinguishable" in rivals["verdict"]


def test_an_agreement_that_is_not_defined_is_none_in_the_summary():
    # Both always say the same, so that agreement by chance is certain.
    predictions = {("m", "tuned"): counted(5, 5), ("n", "tuned"): counted(5, 5), ("o", "tuned"): counted(3, 5)}
    accuracy = pd.DataFrame(
        {"model": model, "variant": variant, "scorer": "loglikelihood", **summarise(rows_, NAMES, "loglikelihood")}
        for (model, variant), rows_ in predictions.items()
    )
    kappas = [row["kappa"] for row in summary(accuracy, paired_tests(predictions, NAMES, seed=0))["tests"]]
    assert kappas[0] is None
    assert kappas[1] == 0


def test_the_answer_in_words_claims_no_more_than_the_tests():
    predictions = {("m", "base"): counted(20, 75), ("m", "tuned"): counted(64, 75), ("n", "tuned"): counted(45, 75)}
    accuracy = pd.DataFrame(
        {"model": model, "variant": variant, "scorer": "loglikelihood", **summarise(rows_, NAMES, "loglikelihood")}
        for (model, variant), rows_ in predictions.items()
    )
    said = summary(accuracy, paired_tests(predictions, NAMES, seed=0))
    assert "m tuned: 85.3 % of 75 questions" in said["answer"][0]
    assert "distinguishable from 2 of the 2 models" in said["answer"][1]
    assert f"from {100 * said['detectable']:.1f} points on" in said["answer"][2]
