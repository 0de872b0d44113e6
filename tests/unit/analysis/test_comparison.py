import json

import pytest
from scipy.stats import binomtest

from finintent.analysis.accuracy import accuracy_table, permutation_table
from finintent.analysis.comparison import compared_pairs, summary
from finintent.analysis.statistics import minimum_detectable_difference
from finintent.task.system import LINEAR_BASELINE, MAJORITY_BASELINE, System
from predictions import (
    M_BASE,
    M,
    N,
    compare,
    counted,
    measured_alone,
    pair_table,
    rows,
    summarised_as,
)


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
    test = compare(before, after)
    assert (test["fixed"], test["broken"]) == (fixed, broken)
    assert test["p_value"] == pytest.approx(p_value, rel=0.05)
    assert test["p_value"] == pytest.approx(binomtest(fixed, fixed + broken).pvalue, abs=1e-12)
    metrics = summarised_as(after, "greedy")
    assert (100 * metrics["accuracy_low"], 100 * metrics["accuracy_high"]) == pytest.approx((low, high), abs=0.05)


def test_equal_predictions_are_not_distinguishable():
    assert compare(counted(3, 5), counted(3, 5))["p_value"] == 1


def test_what_is_tested_against_what():
    linear, majority = System(LINEAR_BASELINE, "baseline", 500), System(MAJORITY_BASELINE, "baseline", 500)
    shots, claude = System("m", "few_shot"), System("claude", "zero_shot")
    assert compared_pairs([M_BASE, shots, M, N, linear, majority, claude]) == [
        (M_BASE, M, "tuning"),
        (shots, M, "prompting"),
        (M, N, "rivals"),
        (M, linear, "rivals"),
        (N, linear, "rivals"),
        (claude, M, "reference"),
        (claude, N, "reference"),
    ]


def test_tests_are_adjusted_for_their_number_and_worded_by_what_they_show():
    wide, close = counted(20, 75), counted(64, 75)
    tests = pair_table({M_BASE: wide, M: close, N: counted(60, 75)})
    table = tests[tests["scorer"] == "greedy"].set_index(["first", "second"])
    gain, rivals = table.loc[("m base", "m tuned")], table.loc[("m tuned", "n tuned")]
    assert (gain["fixed"], gain["broken"]) == (44, 0)
    assert "m tuned is 58.7 points better than m base" in gain["verdict"]
    assert rivals["p_value"] == 0.125
    assert rivals["p_holm"] == 0.125
    assert gain["p_holm"] == pytest.approx(2 * gain["p_value"])
    assert not rivals["distinguishable"]
    assert "not distinguishable" in rivals["verdict"]


def summarised(predictions: dict) -> dict:
    metrics = {system: measured_alone(given) for system, given in predictions.items()}
    return summary(accuracy_table(metrics), pair_table(predictions), permutation_table(metrics))


def test_an_agreement_that_is_not_defined_is_none_in_the_summary():
    # Both always give the same answer, so that agreement by chance is certain.
    result = summarised({M: counted(5, 5), N: counted(5, 5), System("o", "tuned", 500, 1): counted(3, 5)})
    kappas = [row["kappa"] for row in result["tests"]]
    assert kappas[0] is None
    assert kappas[1] == 0
    json.dumps(result, allow_nan=False)


def test_the_answer_in_sentences_claims_no_more_than_the_tests():
    result = summarised({M_BASE: counted(20, 75), M: counted(64, 75), N: counted(45, 75)})
    highest, tuning, power = result["answer"]
    assert "m tuned has the highest accuracy: 85.3 % of 75 questions" in highest
    assert "m tuned is 58.7 points better than m base" in tuning
    assert "distinguishable from 2 of the 2 models that it was tested against." in power
    assert f"detect with 80 % power is {100 * result['detectable']:.1f} points." in power
    alike = summarised({M_BASE: counted(62, 75), M: counted(64, 75)})["answer"]
    assert "m tuned and m base are not distinguishable" in alike[1]
    assert "distinguishable from 0 of the 1 models that it was tested against (not from m base)" in alike[2]
    assert "better" not in " ".join(alike)


def test_a_study_of_one_set_of_predictions_has_an_answer():
    assert "0 of the 0 models" in summarised({M: counted(3, 5)})["answer"][-1]


def test_models_with_as_many_right_share_the_highest_accuracy():
    answer = summarised({M: counted(4, 5), N: counted(4, 5)})["answer"]
    assert answer[0].startswith("Of open models and baselines m tuned and n tuned share the highest accuracy: 80.0 %")


def test_a_constant_answer_is_never_the_best():
    constant = System(MAJORITY_BASELINE, "baseline", 500)
    assert "m tuned has the highest" in summarised({constant: counted(5, 5), M: counted(3, 5)})["answer"][0]


def test_a_model_behind_an_api_is_compared_in_a_sentence_of_its_own():
    claude = System("claude", "zero_shot")
    last = summarised({M: counted(10, 60), claude: counted(60, 60)})["answer"][-1]
    assert "distinguishable from 0 of the 0 models" in last
    assert "m tuned is 83.3 points worse than claude zero-shot" in last


def test_base_models_are_tested_against_each_other():
    tests = summarised({M_BASE: counted(4, 5), System("n", "base"): counted(3, 5)})["tests"]
    assert [(row["first"], row["second"], row["purpose"]) for row in tests] == [("m base", "n base", "untuned")]


def test_the_detectable_difference_is_that_of_the_adjusted_tests():
    result = summarised({M: counted(200, 235), N: counted(100, 235), System("o", "tuned", 500, 1): counted(150, 235)})
    expected = minimum_detectable_difference(235, result["discordant_share"], alpha=0.05 / 3)
    assert result["detectable"] == expected > minimum_detectable_difference(235, result["discordant_share"])
