"""Metrics and paired tests. Predictions are all that they read, whoever made them."""

from dataclasses import dataclass
from typing import Any

from sklearn.metrics import confusion_matrix, f1_score, recall_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from finintent.errors import DataError

Row = dict[str, Any]
SCORERS = ("loglikelihood", "greedy")
UNPARSABLE = "unparsable"


@dataclass(frozen=True)
class McNemar:
    """Exact McNemar test of two sets of predictions on the same questions.

    fixed: wrong in the first, right in the second; broken: the reverse; p_value: two-sided, binomial on the
    fixed + broken questions (Dror et al. 2018, https://aclanthology.org/P18-1128).
    """

    fixed: int
    broken: int
    p_value: float


def summarise(rows: list[Row], codes: list[str], scorer: str) -> dict[str, Any]:
    """Return the metrics of one set of predictions under one scorer.

    accuracy (0-1) with its 95 % Wilson interval, macro_f1, recall by label code, the share of answers that parse, and
    the confusion matrix: rows are gold labels in the order of `codes`, columns the same and then `unparsable`.
    """
    if not rows:
        raise DataError("no predictions to summarise")
    gold = [row["gold"] for row in rows]
    predicted = [row[scorer] or UNPARSABLE for row in rows]
    correct = sum(a == b for a, b in zip(gold, predicted, strict=True))
    low, high = proportion_confint(correct, len(rows), method="wilson")
    recall = recall_score(gold, predicted, labels=codes, average=None, zero_division=0)
    return {
        "questions": len(rows),
        "correct": correct,
        "accuracy": correct / len(rows),
        "accuracy_low": float(low),
        "accuracy_high": float(high),
        "macro_f1": float(f1_score(gold, predicted, labels=codes, average="macro", zero_division=0)),
        "recall": dict(zip(codes, map(float, recall), strict=True)),
        "parsed": 1 - predicted.count(UNPARSABLE) / len(rows),
        "confusion": confusion_matrix(gold, predicted, labels=[*codes, UNPARSABLE])[: len(codes)].tolist(),
    }


def compare(first: list[Row], second: list[Row], scorer: str) -> McNemar:
    """Test whether `second` differs from `first`; DataError when they do not answer the same questions."""
    left, right = ({row["id"]: row[scorer] == row["gold"] for row in rows} for rows in (first, second))
    if left.keys() != right.keys():
        raise DataError(
            f"the two sets of predictions answer different questions ({len(left)} and {len(right)}, "
            f"{len(left.keys() & right.keys())} shared); evaluate both on the same file"
        )
    fixed = sum(right[key] and not left[key] for key in left)
    broken = sum(left[key] and not right[key] for key in left)
    p_value = mcnemar([[0, fixed], [broken, 0]], exact=True).pvalue if fixed + broken else 1.0
    return McNemar(fixed, broken, float(p_value))
