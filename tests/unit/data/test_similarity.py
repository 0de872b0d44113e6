from hypothesis import given
from hypothesis import strategies as st

from finintent.data.similarity import similarity
from finintent.task.text import normalise


@given(st.text(), st.text())
def test_similarity_is_symmetric_and_100_for_equal_texts(left: str, right: str):
    a, b = normalise(left), normalise(right)
    matrix = similarity([a, b], [a, b])
    assert matrix[0, 1] == matrix[1, 0]
    assert matrix[0, 0] == 100 or not a


def test_a_text_inside_another_counts_as_the_same():
    assert similarity(["人工客服"], ["您好人工客服在哪里"])[0, 0] == 100
    assert similarity(["客服"], ["您好人工客服在哪里"])[0, 0] < 55


@given(st.text())
def test_normalise_is_idempotent(text: str):
    assert normalise(normalise(text)) == normalise(text)
