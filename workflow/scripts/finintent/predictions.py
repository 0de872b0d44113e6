"""A prediction: what one model said to one question. Statistics read nothing else."""

from typing import Any


def prediction(question: dict[str, Any], log_probabilities: dict[str, float], text: str | None) -> dict[str, Any]:
    """Return a row of predictions.

    `log_probabilities`: natural logarithm of each option's probability by label code; `text`: the raw greedy answer
    (None for a classifier, which names a label without words); `options`: label code by the letter shown.
    """
    return {
        "id": question["id"],
        "question": question["question"],
        "gold": question["gold"],
        "hard": question["hard"],
        "options": question["options"],
        "log_probabilities": log_probabilities,
        "text": text,
    }
