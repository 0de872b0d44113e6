import math

import pytest
from scipy.stats import binomtest

from finintent.errors import DataError
from finintent.metrics import compare, summarise
from finintent.scoring import extract_letter


def rows(*pairs: tuple[str, str | None]) -> list[dict]:
    return [
        {"id": str(index), "gold": gold, "greedy": said, "loglikelihood": said}
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
    after = [
        row | {"greedy": "b" if index < broken else "a" if index < base + fixed else "b"}
        for index, row in enumerate(before)
    ]
    test = compare(before, after, "greedy")
    assert (test.fixed, test.broken) == (fixed, broken)
    assert test.p_value == pytest.approx(p_value, rel=0.05)
    assert test.p_value == pytest.approx(binomtest(fixed, fixed + broken).pvalue, abs=1e-12)
    metrics = summarise(after, ["a", "b"], "greedy")
    assert (100 * metrics["accuracy_low"], 100 * metrics["accuracy_high"]) == pytest.approx((low, high), abs=0.05)


def test_wilson_interval_is_the_formula():
    metrics = summarise(counted(188, 235), ["a", "b"], "greedy")
    p, n, z = 188 / 235, 235, 1.959963984540054
    centre, half = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    expected = ((centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n))
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == pytest.approx(expected, abs=1e-12)


def test_unparsable_answers_are_counted_and_wrong():
    metrics = summarise(rows(("a", "a"), ("a", None), ("b", None), ("b", "a")), ["a", "b"], "greedy")
    assert metrics["accuracy"] == 0.25
    assert metrics["parsed"] == 0.5
    assert metrics["confusion"] == [[1, 0, 1], [1, 0, 1]]
    assert metrics["recall"] == {"a": 0.5, "b": 0.0}


def test_equal_predictions_are_not_distinguishable():
    assert compare(counted(3, 5), counted(3, 5), "greedy").p_value == 1


def test_predictions_of_other_questions_are_refused():
    with pytest.raises(DataError, match="answer different questions"):
        compare(counted(1, 2), counted(1, 3), "greedy")
    with pytest.raises(DataError, match="no predictions"):
        summarise([], ["a"], "greedy")


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("B. 个股问询", "B"),
        ("选项E：基金问询", "E"),
        ("答案是 B", "B"),
        ("答案是（Ｂ）", "B"),
        ("B，所以选B", "B"),
        ("A或B", None),
        ("ETF基金", None),
        ("F", None),
        ("", None),
    ],
)
def test_extract_letter(text: str, letter: str | None):
    assert extract_letter(text, list("ABCDE")) == letter
