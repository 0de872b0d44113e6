"""Baselines on the same training rows: character n-grams and logistic regression, and the most common label."""

import math
from collections import Counter
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from finintent.task.chosen import most_probable
from finintent.task.prediction import Prediction

Row = dict[str, Any]


def train_baseline(rows: list[Row], *, ngrams: tuple[int, int], regularisation: float, seed: int) -> Pipeline:
    """Fit TF-IDF of character n-grams + multinomial logistic regression.

    Args:
        rows: curated training rows.
        ngrams: shortest and longest n-gram.
        regularisation: scikit-learn's C.
        seed: of the solver.
    """
    pipeline = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=ngrams, sublinear_tf=True),
        LogisticRegression(C=regularisation, max_iter=1000, random_state=seed),
    )
    return pipeline.fit([row["query"] for row in rows], [row["label"] for row in rows])


def predict_baseline(pipeline: Pipeline, questions: list[Row]) -> list[Prediction]:
    """Return one prediction a question, with probabilities and without text: a classifier always names one label."""
    log_probabilities = pipeline.predict_log_proba([question["question"] for question in questions])
    rows = []
    for question, values in zip(questions, log_probabilities, strict=True):
        by_code = dict(zip(pipeline.classes_.tolist(), map(float, values), strict=True))
        rows.append(Prediction.of(question, log_probabilities=by_code, text=None))
    return rows


def predict_majority(rows: list[Row], codes: list[str], questions: list[Row]) -> list[Prediction]:
    """Answer every question with the most common label of the training rows.

    The probabilities are the shares of the labels in the rows, with one added to each count (Laplace smoothing), so
    that none is zero. Of equally common labels, the first of the taxonomy is the answer: its log-probability is the
    next higher number, since a tie in the probabilities would be no answer.

    Args:
        rows: curated training rows.
        codes: the codes of all labels, in the order of the taxonomy.
        questions: what to answer.
    """
    counts = Counter(row["label"] for row in rows)
    shares = {code: (counts[code] + 1) / (len(rows) + len(codes)) for code in codes}
    by_code = {code: math.log(share) for code, share in shares.items()}
    if most_probable(by_code) is None:
        first = next(code for code in codes if by_code[code] == max(by_code.values()))
        by_code[first] = math.nextafter(by_code[first], 0)
    return [Prediction.of(question, log_probabilities=by_code, text=None) for question in questions]
