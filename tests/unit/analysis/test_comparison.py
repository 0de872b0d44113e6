import pytest
from scipy.stats import binomtest

from finintent.analysis.comparison import TEST_COLUMNS, contrast_table
from finintent.analysis.statistics import clustered_interval, holm, mcnemar_exact, paired_bootstrap
from finintent.errors import DataError
from predictions import LINEAR, M_BASE, M, N, compare, compare_all, counted, rows, summarised_as


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


def test_a_study_of_one_set_of_predictions_has_no_tests():
    table = contrast_table(compare_all({M: counted(3, 5)}))
    assert table.empty
    assert list(table) == list(TEST_COLUMNS)


def test_with_one_seed_a_contrast_is_mcnemars_test_and_the_paired_bootstrap():
    before, after = [True] * 20 + [False] * 55, [True] * 10 + [False] * 10 + [True] * 30 + [False] * 25
    given = {M_BASE: before, M: after}
    (done,) = compare_all(
        {system: rows(*[("a", "a" if good else "b") for good in right]) for system, right in given.items()}
    )
    test = mcnemar_exact(before, after)
    assert (done.fixed, done.broken, done.tests) == (test.fixed, test.broken, 1)
    assert done.p_value == done.p_holm == pytest.approx(test.p_value, rel=1e-9)
    by_id = sorted(range(75), key=str)
    expected = paired_bootstrap(*([right[index] for index in by_id] for right in given.values()), seed=0)
    assert done.difference == expected
    assert done.disagreement == 40 / 75


def test_seeds_are_pooled_with_the_question_as_the_unit():
    other = M._replace(seed=2)
    predictions = {M_BASE: counted(1, 4), M: counted(2, 4), other: counted(4, 4)}
    (done,) = compare_all(predictions)
    # Differences of the means of a question: 0, 1, 1/2, 1/2. Of eight signs, two give a sum of 2 in either direction.
    assert (done.fixed, done.broken, done.p_value) == (3, 0, pytest.approx(2 / 8))
    differences = [[0, 1, 0, 0], [0, 1, 1, 1]]
    assert done.difference == clustered_interval(differences, seed=0)
    assert done.disagreement == 0.5


def test_p_values_are_adjusted_within_a_family_alone():
    original = M._replace(recipe="original")
    predictions = {M_BASE: counted(20, 75), M: counted(30, 75), original: counted(26, 75), LINEAR: counted(24, 75)}
    alone = compare_all(predictions)
    p_values = {done.contrast.family: [] for done in alone}
    for done in alone:
        p_values[done.contrast.family].append(done.p_value)
    assert {family: len(values) for family, values in p_values.items()} == {
        "tuning: m": 2, "linear: m": 2, "recipes: m": 1,
    }  # fmt: skip
    adjusted = {family: list(holm(values)) for family, values in p_values.items()}
    for done in alone:
        assert done.p_holm == adjusted[done.contrast.family].pop(0)
        assert done.tests == len(p_values[done.contrast.family])
    with_another = compare_all(predictions | {N: counted(50, 75)})
    assert [done for done in with_another if done.contrast.model == "m"] == alone


def test_verdicts_say_no_more_than_the_tests():
    table = contrast_table(compare_all({M_BASE: counted(20, 75), M: counted(64, 75), N: counted(60, 75)}))
    gain, models = table.to_dict("records")
    assert (gain["purpose"], gain["fixed"], gain["broken"], gain["distinguishable"]) == ("tuning", 44, 0, True)
    assert "m tuned (label, 500 rows) is 58.7 points better than m base" in gain["verdict"]
    assert (models["purpose"], models["p_value"], models["distinguishable"]) == ("models", pytest.approx(0.125), False)
    assert "not distinguishable" in models["verdict"]


def test_systems_that_answered_other_questions_are_refused():
    with pytest.raises(DataError, match=r"m base and m tuned \(label, 500 rows\), seed 1 answer different questions"):
        compare_all({M_BASE: counted(1, 2), M: counted(1, 3)})
