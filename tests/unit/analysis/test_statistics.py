import itertools
import math
import time
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d
from scipy.stats import binom, binomtest

from finintent.analysis.statistics import (
    ClassScores,
    PairedTest,
    clustered_interval,
    cohen_kappa,
    holm,
    macro_f1,
    mcnemar_exact,
    minimum_detectable_difference,
    paired_bootstrap,
    per_class,
    randomisation_test,
    wilson,
)
from finintent.analysis.verdict import verdict
from finintent.errors import DataError

answers = st.lists(st.lists(st.booleans(), min_size=12, max_size=12), min_size=2, max_size=4).map(np.array)


def outcomes(both: int, fixed: int, broken: int, neither: int) -> np.ndarray:
    """Answers of two models, shape (2, questions), by the counts of their fourfold table."""
    first = [True] * both + [False] * fixed + [True] * broken + [False] * neither
    second = [True] * both + [True] * fixed + [False] * broken + [False] * neither
    return np.array([first, second])


# R 4.2.2: prop.test(correct, 75, correct = FALSE)$conf.int; the last column is the published table of 75 questions.
@pytest.mark.parametrize(
    ("correct", "low", "high", "published"),
    [
        (66, 0.78740359795251269, 0.93556628176055490, (78.7, 93.6)),  # Qwen2.5-7B, Baichuan2
        (65, 0.77166836255304871, 0.92593415295956050, (77.2, 92.6)),  # Llama-3
        (64, 0.75615232140687649, 0.91608282990527423, (75.6, 91.6)),  # ChatGLM3
        (63, 0.74083292314745341, 0.90603486396423860, (74.1, 90.6)),  # Qwen2.5-0.5B
        (67, 0.80338637153526926, 0.94495087237825670, (80.3, 94.5)),  # after continued pre-training
        (71, 0.87074012846201443, 0.97906657225334559, (87.1, 97.9)),  # Claude 3.5 Sonnet
    ],
)
def test_wilson_gives_the_published_intervals(correct, low, high, published):
    assert wilson(correct, 75) == pytest.approx((low, high), abs=1e-9)
    assert tuple(round(100 * bound, 1) for bound in wilson(correct, 75)) == published


def test_wilson_at_another_level_and_at_the_ends():
    # R: prop.test(188, 235, conf.level = 0.9, correct = FALSE), prop.test(0, 10, ...), prop.test(10, 10, ...)
    assert wilson(188, 235, confidence=0.9) == pytest.approx((0.75377462010763996, 0.83939623300386645), abs=1e-9)
    assert wilson(0, 10) == pytest.approx((0, 0.27753279986288915), abs=1e-9)
    assert wilson(10, 10) == pytest.approx((0.72246720013711085, 1), abs=1e-9)


@pytest.mark.parametrize(("correct", "total"), [(0, 0), (3, 2), (-1, 2)])
def test_wilson_refuses_what_is_not_a_proportion(correct, total):
    with pytest.raises(DataError, match="not a proportion"):
        wilson(correct, total)


# R 4.2.2: binom.test(fixed, fixed + broken)$p.value; `base` right answers of 75, and the published p value.
@pytest.mark.parametrize(
    ("base", "tuned", "fixed", "broken", "p_value", "published"),
    [
        (64, 66, 7, 5, 0.77441406250000022, "0.774"),
        (53, 66, 13, 0, 0.00024414062500000005, "0.0002"),
        (56, 65, 11, 2, 0.022460937500000017, "0.022"),
        (37, 64, 31, 4, 3.4654513001441951e-06, "0.0000035"),
    ],
)
def test_mcnemar_gives_the_published_p_values(base, tuned, fixed, broken, p_value, published):
    first, second = outcomes(base - broken, fixed, broken, 75 - base - fixed)
    assert (first.sum(), second.sum()) == (base, tuned)
    test = mcnemar_exact(first, second)
    assert test == PairedTest(fixed, broken, pytest.approx(p_value, rel=1e-9))
    assert f"{test.p_value:.{len(published) - 2}f}" == published
    assert mcnemar_exact(second, first) == PairedTest(broken, fixed, test.p_value)


def test_equal_answers_have_p_one():
    assert mcnemar_exact([True, False], [True, False]) == PairedTest(0, 0, 1.0)


@given(answers)
def test_with_one_seed_the_randomisation_test_is_mcnemars(right):
    exact = mcnemar_exact(right[0], right[1])
    assert randomisation_test(right[:1], right[1:2]) == PairedTest(
        exact.fixed, exact.broken, pytest.approx(exact.p_value, rel=1e-9)
    )


def test_a_very_small_p_value_keeps_its_digits():
    first, second = outcomes(20, 163, 9, 43)
    assert randomisation_test([first], [second]).p_value == pytest.approx(
        mcnemar_exact(first, second).p_value, rel=1e-9
    )


@given(
    st.integers(1, 3).flatmap(
        lambda seeds: st.tuples(
            st.lists(st.lists(st.booleans(), min_size=8, max_size=8), min_size=seeds, max_size=seeds),
            st.lists(st.lists(st.booleans(), min_size=8, max_size=8), min_size=1, max_size=3),
        )
    )
)
@settings(max_examples=50)
def test_the_randomisation_test_counts_all_signs(right):
    first, second = (np.array(runs) for runs in right)
    differences = second.sum(axis=0) * len(first) - first.sum(axis=0) * len(second)  # of means, times both numbers
    signs = np.array(list(itertools.product([-1, 1], repeat=8)))
    test = randomisation_test(first, second)
    assert test.p_value == pytest.approx(np.mean(abs(signs @ differences) >= abs(differences.sum())), abs=1e-12)
    assert (test.fixed, test.broken) == (np.sum(differences > 0), np.sum(differences < 0))
    assert randomisation_test(second, first).p_value == pytest.approx(test.p_value, abs=1e-12)


def test_other_numbers_of_questions_are_refused():
    with pytest.raises(DataError, match="1 and 3 questions"):
        mcnemar_exact([True], [True, False, True])


def test_holm_is_that_of_r():
    # R: p.adjust(p, method = "holm")
    raw = [0.01, 0.04, 0.03, 0.005, 0.5, 0.02]
    assert holm(raw) == pytest.approx([0.05, 0.09, 0.09, 0.03, 0.5, 0.08], abs=1e-9)
    published = [binomtest(k, n).pvalue for k, n in ((7, 12), (13, 13), (11, 13), (31, 35))]
    assert holm(published) == pytest.approx(
        [0.77441406250000022, 7.3242187500000022e-04, 4.4921875000000035e-02, 1.3861805200576781e-05], abs=1e-9
    )


@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_never_lowers_and_keeps_the_order(raw):
    with patch("gc.collect"):  # statsmodels calls it each time, 0.3 s in a full test session
        adjusted = holm(raw)
    assert len(adjusted) == len(raw)
    assert all(high >= low for high, low in zip(adjusted, raw, strict=True))
    assert all(adjusted <= 1)
    assert list(adjusted[np.argsort(raw)]) == sorted(adjusted)


@settings(max_examples=50, deadline=None)
@given(answers)
def test_bootstrap_intervals_hold_their_estimates(right):
    for first, second in itertools.permutations(range(len(right)), 2):
        estimate, low, high = paired_bootstrap(right[first], right[second], seed=0, draws=1000)
        assert estimate == pytest.approx(right[second].mean() - right[first].mean())
        assert low <= estimate <= high


def test_bootstrap_interval_of_an_accuracy_is_the_binomial_one():
    interval = paired_bootstrap(np.zeros(235), np.arange(235) < 188, seed=3)
    assert interval == pytest.approx((188 / 235, *binom.ppf([0.025, 0.975], 235, 188 / 235) / 235), abs=1.01 / 235)


def test_bootstrap_interval_of_a_difference_is_the_exact_one():
    right = outcomes(50, 15, 4, 6)
    one = np.zeros((1, 3))
    one[0] = 4 / 75, 56 / 75, 15 / 75  # a drawn question lowers, keeps or raises the difference by 1 / 75
    exact = one
    for _ in range(74):
        exact = convolve2d(exact, one)
    low, high = (np.searchsorted(exact.cumsum(), share) - 75 for share in (0.025, 0.975))
    interval = paired_bootstrap(*right, seed=3)
    assert interval == pytest.approx((11 / 75, low / 75, high / 75), abs=1.01 / 75)


def test_pairing_makes_the_difference_of_like_models_narrow():
    right = outcomes(100, 3, 1, 96)
    difference, accuracy = paired_bootstrap(*right, seed=0), paired_bootstrap(np.zeros(200), right[0], seed=0)
    assert difference.high - difference.low < 0.5 * (accuracy.high - accuracy.low)


@settings(max_examples=20, deadline=None)
@given(answers)
def test_identical_models_differ_by_exactly_nothing(right):
    difference = paired_bootstrap(right[0], right[0], seed=0, draws=100)
    assert difference == (0, 0, 0)
    assert "not distinguishable" in verdict(difference, 1.0, "a", "b")


def test_bootstrap_follows_its_seed():
    right = np.random.default_rng(0).random((2, 75)) < 0.8
    assert paired_bootstrap(*right, seed=1) == paired_bootstrap(*right, seed=1)
    assert paired_bootstrap(*right, seed=1, draws=10) != paired_bootstrap(*right, seed=2, draws=10)


def test_one_question_gives_an_interval_without_width():
    assert paired_bootstrap([False], [True], seed=0) == (1, 1, 1)


def test_bootstrap_of_all_pairs_of_twenty_models_takes_less_than_five_seconds():
    right = np.random.default_rng(0).random((20, 235)) < 0.8
    pairs = list(itertools.combinations(range(20), 2))
    start = time.process_time()  # of this process: the machine may be busy
    intervals = [paired_bootstrap(right[first], right[second], seed=0) for first, second in pairs]
    assert time.process_time() - start < 5
    assert len(intervals) == 190


def test_no_answers_are_refused():
    with pytest.raises(DataError, match="expected"):
        paired_bootstrap([], [], seed=0)


@pytest.mark.parametrize("right", [[], [[]], [True]])
def test_answers_of_another_shape_are_refused(right):
    with pytest.raises(DataError, match="expected"):
        clustered_interval(right, seed=0)


def test_one_seed_gives_the_interval_over_questions():
    right = np.arange(235) < 188
    expected = (188 / 235, *binom.ppf([0.025, 0.975], 235, 188 / 235) / 235)
    assert clustered_interval([right], seed=0) == pytest.approx(expected, abs=1.01 / 235)


def test_equal_seeds_tell_no_more_than_one():
    right = np.random.default_rng(0).random(235) < 0.8
    one, three = (clustered_interval([right] * seeds, seed=0) for seeds in (1, 3))
    assert three == pytest.approx(one, abs=1.01 / 235)


def test_clustered_interval_is_as_wide_as_the_resampling_variance():
    rng = np.random.default_rng(4)
    right = (rng.random((6, 200)) < np.linspace(0.6, 0.9, 6)[:, None]).astype(float)
    seeds, questions = right.shape
    # Owen 2007: independent multinomial counts have E[a b] = 1 - 1/n, and 1 more for a count with itself.
    by_seed = np.eye(seeds) + 1 - 1 / seeds
    by_question = np.eye(questions) + 1 - 1 / questions
    variance = np.sum((by_seed @ right) * (right @ by_question)) / right.size**2 - right.mean() ** 2
    mean, low, high = clustered_interval(right, seed=0)
    assert mean == pytest.approx(right.mean())
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.05)
    _, inner_low, inner_high = clustered_interval(right, seed=0, confidence=0.5)
    assert low < inner_low < mean < inner_high < high


def test_clustered_interval_covers_the_truth_with_three_seeds():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        ease = rng.beta(1.6, 0.4, size=75) + rng.normal(0, 0.02, size=(3, 1))  # mean 0.8, most questions easy or hard
        _, low, high = clustered_interval(rng.random((3, 75)) < ease, seed=0, draws=500)
        covered += low <= 0.8 <= high
    assert covered / 300 == pytest.approx(0.95, abs=0.03)


# R 4.2.2: uniroot, tol = 1e-13, over the difference d of the power less 0.8, which is the sum over m = 1..n of
# dbinom(m, n, share) * sum(dbinom(k[p <= 0.05], m, (share + d) / (2 * share))), p = binom.test(k, m)$p.value
@pytest.mark.parametrize(
    ("questions", "share", "expected"),
    [
        (75, 0.2, 0.14637539404563404),
        (75, 0.3, 0.18136477387867952),
        (235, 0.1, 0.059488617375342882),
        (235, 0.2, 0.083833172543632553),
        (235, 0.3, 0.10264738431196734),
    ],
)
def test_minimum_detectable_difference_is_that_of_r(questions, share, expected):
    assert minimum_detectable_difference(questions, share) == pytest.approx(expected, abs=1e-9)


def test_minimum_detectable_difference_agrees_with_a_published_power():
    # R package MESS, its own test: n 144, discordant 0.25 and 0.45, alpha 0.025 one-sided, power 0.80
    assert minimum_detectable_difference(144, 0.7) == pytest.approx(0.45 - 0.25, abs=0.001)


def test_a_p_value_of_exactly_alpha_counts_as_found():
    # Five questions, all discordant, p = 0.0625 where all agree: the power is x^5 + (1 - x)^5, d = 2x - 1.
    product = (5 - math.sqrt(21)) / 10
    expected = math.sqrt(1 - 4 * product)
    assert minimum_detectable_difference(5, 1.0, alpha=0.0625) == pytest.approx(expected, abs=1e-9)


def test_the_power_at_the_minimum_detectable_difference_is_what_was_asked_for():
    questions, share, draws = 235, 0.2, 2000
    gain = minimum_detectable_difference(questions, share)
    shares = [(share + gain) / 2, (share - gain) / 2, 1 - share]
    found = 0
    for fixed, broken, same in np.random.default_rng(6).multinomial(questions, shares, size=draws):
        found += mcnemar_exact(*outcomes(same, fixed, broken, 0)).p_value <= 0.05
    assert found / draws == pytest.approx(0.8, abs=0.03)


def test_more_questions_and_less_power_find_smaller_differences():
    assert minimum_detectable_difference(500, 0.2) < minimum_detectable_difference(235, 0.2)
    assert minimum_detectable_difference(235, 0.2, power=0.5) < minimum_detectable_difference(235, 0.2)
    assert minimum_detectable_difference(235, 0.2, alpha=0.01) > minimum_detectable_difference(235, 0.2)


@pytest.mark.parametrize(("questions", "share"), [(75, 0.1), (235, 0.0), (5, 1.0)])
def test_a_study_too_small_for_any_difference_has_an_infinite_one(questions, share):
    # R: power 0.7729 at 75 questions of which 10 % differ, all in one direction; five questions never reach p 0.05
    assert minimum_detectable_difference(questions, share) == math.inf


def test_class_scores_count_unparsable_answers_as_wrong():
    gold = ["a", "a", "a", "b", "b", "c"]
    predicted = ["a", "a", "b", "b", None, "b"]
    scores = per_class(gold, predicted, ["a", "b", "c", "d"])
    assert list(scores) == ["a", "b", "c", "d"]
    assert scores["a"] == ClassScores(1.0, pytest.approx(2 / 3), pytest.approx(0.8), 3)
    assert scores["b"] == ClassScores(pytest.approx(1 / 3), 0.5, pytest.approx(0.4), 2)
    assert scores["c"] == ClassScores(0.0, 0.0, 0.0, 1)
    assert scores["d"] == ClassScores(0.0, 0.0, 0.0, 0)
    assert macro_f1(gold, predicted, ["a", "b", "c", "d"]) == pytest.approx((0.8 + 0.4) / 4, abs=1e-12)


def test_kappa_is_agreement_beyond_chance():
    # R: t <- prop.table(table(a, b)); (sum(diag(t)) - e) / (1 - e) with e = sum(rowSums(t) * colSums(t))
    first = ["A", "A", "B", "B", "C", None, "A", "C", "B", "A"]
    second = ["A", "B", "B", "B", "C", "C", "A", None, "A", "A"]
    assert cohen_kappa(first, second) == pytest.approx(0.42857142857142849, abs=1e-9)
    assert cohen_kappa(first, first) == 1
    assert cohen_kappa(["A", "B", "A", "B"], ["B", "A", "B", "A"]) == -1


@pytest.mark.filterwarnings("error")
def test_kappa_of_models_that_always_say_the_same_is_undefined():
    assert math.isnan(cohen_kappa(["A", "A"], ["A", "A"]))
    assert cohen_kappa(["A", "A"], ["A", "B"]) == 0
