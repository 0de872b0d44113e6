"""The linear baseline: character n-grams and logistic regression on the same training rows."""

from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from finintent.predictions import prediction


def train_baseline(
    rows: list[dict[str, Any]], *, ngrams: tuple[int, int], regularisation: float, seed: int
) -> Pipeline:
    """Fit TF-IDF of character n-grams + multinomial logistic regression (`regularisation` is scikit-learn's C)."""
    pipeline = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=ngrams, sublinear_tf=True),
        LogisticRegression(C=regularisation, max_iter=1000, random_state=seed),
    )
    return pipeline.fit([row["query"] for row in rows], [row["label"] for row in rows])


def predict_baseline(pipeline: Pipeline, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answer each question; rows as those of a language model, without text: a classifier always names one label."""
    log_probabilities = pipeline.predict_log_proba([question["question"] for question in questions])
    rows = []
    for question, values in zip(questions, log_probabilities, strict=True):
        by_code = dict(zip(pipeline.classes_.tolist(), map(float, values), strict=True))
        rows.append(prediction(question, by_code, None))
    return rows
