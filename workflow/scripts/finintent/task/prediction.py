"""A prediction: what one model said to one question. Statistics read nothing else."""

from typing import Any


def prediction(
    question: dict[str, Any],
    log_probabilities: dict[str, float] | None,
    text: str | None,
    permutations: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return a row of predictions.

    `log_probabilities`: natural logarithm of each option's probability by label code (None where they are not told);
    `text`: the raw greedy answer (None where no words were asked for); `options`: label code by the letter shown;
    `permutations`: `options` and `log_probabilities` of the same question under other orders of its options.
    """
    row = {
        "id": question["id"],
        "question": question["question"],
        "gold": question["gold"],
        "hard": question["hard"],
        "options": question["options"],
        "log_probabilities": log_probabilities,
        "text": text,
    }
    return row | {"permutations": permutations} if permutations else row


UNPARSABLE = "unparsable"
