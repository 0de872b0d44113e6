from hypothesis import given
from hypothesis import strategies as st

from finintent.analysis.statistics import (
    Interval,
)
from finintent.analysis.verdict import verdict


def test_verdict_names_the_gain_or_the_loss_in_points():
    assert verdict(Interval(0.0427, 0.0123, 0.0751), 0.012, "base", "tuned", tests=2) == (
        "tuned is 4.3 points better than base (95 % interval 1.2 to 7.5, adjusted p = 0.012)"
    )
    assert verdict(Interval(-0.0427, -0.0751, -0.0123), 0.012, "base", "tuned") == (
        "tuned is 4.3 points worse than base (95 % interval -7.5 to -1.2, p = 0.012)"
    )


@given(st.floats(-1, 0), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_an_interval_with_zero_never_says_better_or_worse(low, high, share, p_value):
    sentence = verdict(Interval(low + share * (high - low), low, high), p_value, "base", "tuned")
    assert "not distinguishable" in sentence
    assert "better" not in sentence
    assert "worse" not in sentence
    assert "-0.0" not in sentence


def test_an_interval_that_the_test_does_not_bear_out_never_says_better():
    # 4 fixed, none broken, of 75.
    assert "not distinguishable" in verdict(Interval(4 / 75, 0.013, 0.107), 0.125, "base", "tuned")
