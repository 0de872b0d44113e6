"""A prediction: what one model said to one question. Statistics read nothing else."""

from typing import Any


def prediction(
    question: dict[str, Any], log_probabilities: dict[str, float], text: str | None, greedy: str | None
) -> dict[str, Any]:
    """Return a row of predictions.

    `log_probabilities`: natural logarithm of each option's probability by label code, of which `loglikelihood` is the
    most probable; `text`: the greedy answer (None for a classifier); `greedy`: the code that it names, None where it
    names none or several.
    """
    return {
        "id": question["id"],
        "question": question["question"],
        "gold": question["gold"],
        "hard": question["hard"],
        "log_probabilities": log_probabilities,
        "loglikelihood": max(log_probabilities, key=log_probabilities.__getitem__),
        "text": text,
        "greedy": greedy,
    }
