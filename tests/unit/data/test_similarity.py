import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz, process

from finintent.data.similarity import MIN_CONTAINED, nearest_other, similarity
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


@given(*[st.lists(st.text("ab", max_size=9), max_size=6)] * 2)
def test_every_text_inside_another_is_found(left: list[str], right: list[str]):
    inside = [[min(len(a), len(b)) >= MIN_CONTAINED and (a in b or b in a) for b in right] for a in left]
    plain = process.cdist(left, right, scorer=fuzz.ratio, dtype=np.float32)
    assert np.array_equal(similarity(left, right), np.where(np.array(inside).reshape(plain.shape), 100, plain))


def test_a_text_is_not_its_own_neighbour_in_any_block(monkeypatch):
    texts = ["abcd", "abce", "wxyz", "wxy", "q"]
    matrix = similarity(texts, texts)
    np.fill_diagonal(matrix, -1)
    monkeypatch.setattr("finintent.data.similarity.BLOCK", 2)
    assert nearest_other(texts).tolist() == matrix.max(axis=1).tolist()


@given(st.text())
def test_normalise_is_idempotent(text: str):
    assert normalise(normalise(text)) == normalise(text)
