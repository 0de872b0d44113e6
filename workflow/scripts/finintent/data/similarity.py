"""Similarity of texts, for duplicates and decontamination."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from rapidfuzz import fuzz, process

MIN_CONTAINED = 4  # characters; that a longer text contains a shorter one does not make them similar
BLOCK = 1000  # texts that are compared with all others at once: 80 MB for 20,000 others


def similarity(left: list[str], right: list[str]) -> np.ndarray:
    """Return the similarity (0-100) of every pair of normalised texts, shape (len(left), len(right)).

    It is the normalised indel similarity of the two, or 100 where one of them has at least MIN_CONTAINED characters and
    is contained in the other.
    """
    matrix = process.cdist(left, right, scorer=fuzz.ratio, dtype=np.float32)
    for i, j in _contained(left, right):
        matrix[i, j] = 100.0
    for j, i in _contained(right, left):
        matrix[i, j] = 100.0
    return matrix


def nearest_other(texts: list[str]) -> np.ndarray:
    """Return the similarity (0-100) of each normalised text to the nearest other one."""
    nearest = np.empty(len(texts))
    for first in range(0, len(texts), BLOCK):
        block = similarity(texts[first : first + BLOCK], texts)
        np.fill_diagonal(block[:, first:], -1)
        nearest[first : first + BLOCK] = block.max(axis=1)
    return nearest


def _contained(short: list[str], long: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the indices of each text of at least MIN_CONTAINED characters and of each text that contains it."""
    holders: dict[str, list[int]] = defaultdict(list)  # of each sequence of MIN_CONTAINED characters
    for index, text in enumerate(long):
        for part in {text[start : start + MIN_CONTAINED] for start in range(len(text) - MIN_CONTAINED + 1)}:
            holders[part].append(index)
    for index, text in enumerate(short):
        if len(text) >= MIN_CONTAINED:
            parts = (text[start : start + MIN_CONTAINED] for start in range(len(text) - MIN_CONTAINED + 1))
            for other in min((holders.get(part, []) for part in parts), key=len):
                if text in long[other]:
                    yield index, other
