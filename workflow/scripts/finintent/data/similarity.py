"""Similarity of texts, for duplicates and decontamination."""

import numpy as np
from rapidfuzz import fuzz, process

MIN_CONTAINED = 4  # characters; that a longer text contains a shorter one does not make them similar


def similarity(left: list[str], right: list[str]) -> np.ndarray:
    """Return the similarity (0-100) of every pair of normalised texts, shape (len(left), len(right)).

    It is the normalised indel similarity of the two, or 100 where one of them has at least MIN_CONTAINED characters and
    is contained in the other.
    """
    matrix = process.cdist(left, right, scorer=fuzz.ratio, dtype=np.float32)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            if min(len(a), len(b)) >= MIN_CONTAINED and (a in b or b in a):
                matrix[i, j] = 100.0
    return matrix
