"""The verdict on a difference between two models, as a sentence."""

from finintent.analysis.statistics import SIGNIFICANCE_LEVEL, Interval


def distinguishable(difference: Interval, p_value: float) -> bool:
    """Return whether two models differ: the interval excludes zero, and the (adjusted) test is significant."""
    return bool(p_value < SIGNIFICANCE_LEVEL and not difference.low <= 0 <= difference.high)


def evidence(difference: Interval, p_value: float, tests: int = 1) -> str:
    """Return the interval of a difference, in points, and the p value of its exact test, adjusted for several tests."""
    low, high = (100 * bound for bound in (difference.low, difference.high))
    return f"95 % interval {low:z.1f} to {high:z.1f}, {'adjusted ' if tests > 1 else ''}p = {p_value:.2g}"


def verdict(difference: Interval, p_value: float, first: str, second: str, tests: int = 1) -> str:
    """Return a sentence, without its full stop, on accuracy(second) - accuracy(first).

    Args:
        difference: fractions, with the 95 % interval.
        p_value: of the exact test.
        first: name of the first system.
        second: name of the second system.
        tests: the number of tests that the p value is adjusted for.
    """
    estimate, shown = 100 * difference.estimate, evidence(difference, p_value, tests)
    if not distinguishable(difference, p_value):
        return f"{second} and {first} are not distinguishable (difference {estimate:z.1f} points, {shown})"
    return f"{second} is {abs(estimate):.1f} points {'better' if estimate > 0 else 'worse'} than {first} ({shown})"
