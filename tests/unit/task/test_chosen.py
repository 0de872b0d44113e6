from itertools import permutations

import pytest

from finintent.task.chosen import most_probable


@pytest.mark.parametrize("codes", permutations("abc"))
def test_a_tie_for_the_first_place_is_no_answer_in_any_order(codes: tuple[str, ...]):
    def named(a: float, b: float, c: float) -> str | None:
        values = {"a": a, "b": b, "c": c}
        return most_probable({code: values[code] for code in codes})

    assert named(-1.0, -2.0, -3.0) == "a"
    assert named(-3.0, -1.0, -3.0) == "b"  # the others may tie
    assert named(-1.0, -1.0, -3.0) is None
    assert named(-1.0, -1.0 - 2**-52, -3.0) == "a"  # the smallest difference counts
