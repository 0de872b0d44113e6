"""The label that probabilities choose: the most probable one, unless several share the first place."""

from collections.abc import Mapping

NO_LABEL = "no label"  # class of the answers that do not name one: text that cannot be parsed, or a tie


def most_probable(log_probabilities: Mapping[str, float]) -> str | None:
    """Return the label code with the highest log-probability; None for a tie, which no order may decide."""
    highest = max(log_probabilities.values())
    first, *others = (code for code, value in log_probabilities.items() if value == highest)
    return None if others else first
