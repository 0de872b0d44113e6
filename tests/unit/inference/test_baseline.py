import numpy as np

from finintent.analysis.answers import ties
from finintent.inference.baseline import predict_baseline, predict_majority
from finintent.task.chosen import most_probable
from predictions import OPTIONS

QUESTIONS = [{"id": "1", "question": "what", "options": OPTIONS, "gold": "a", "hard": False}]


def labelled(*codes: str) -> list[dict]:
    return [{"query": code, "label": code} for code in codes]


def test_of_equally_common_labels_the_first_of_the_taxonomy_is_the_answer():
    for codes in (["a", "b", "c"], ["c", "b", "a"]):
        (row,) = predict_majority(labelled("a", "c", "c", "a", "b"), codes, QUESTIONS)
        a, c = row.log_probabilities["a"], row.log_probabilities["c"]
        assert most_probable(row.log_probabilities) == codes[0]
        assert 0 < abs(a - c) < 1e-15
    (row,) = predict_majority(labelled("b", "a", "b"), ["a", "b"], QUESTIONS)
    assert most_probable(row.log_probabilities) == "b"


def test_the_linear_baseline_may_tie():
    class Undecided:
        classes_ = np.array(["a", "b"])

        def predict_log_proba(self, texts: list[str]) -> list[list[float]]:
            return [[-0.7, -0.7]] * len(texts)

    rows = predict_baseline(Undecided(), QUESTIONS)
    assert ties(rows, "loglikelihood") == 1
