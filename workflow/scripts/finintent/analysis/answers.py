"""Which label each prediction comes out as under each scorer."""

from typing import Any

from finintent.analysis.extraction import TEXT_SCORERS

Row = dict[str, Any]


LOG_LIKELIHOOD = "loglikelihood"


GREEDY = "greedy"  # what a model without probabilities is scored by instead


SCORERS = (LOG_LIKELIHOOD, *TEXT_SCORERS)


def answers(rows: list[Row], scorer: str, names: dict[str, str]) -> list[str | None]:
    """Return the label code that each prediction comes out as under a scorer, None where it comes out as none.

    `names`: option text by label code. A classifier, which says nothing, is scored by its probabilities throughout; a
    model behind an API, which gives no probabilities, by the one letter that it names (`greedy`) in their stead.
    """
    return [_answer(row, scorer, names) for row in rows]


def _answer(row: Row, scorer: str, names: dict[str, str]) -> str | None:
    if row["log_probabilities"] is not None and (scorer == LOG_LIKELIHOOD or row["text"] is None):
        return most_probable(row["log_probabilities"])
    options = row["options"]
    shown = {letter: names[code] for letter, code in options.items()}
    read = TEXT_SCORERS[GREEDY if scorer == LOG_LIKELIHOOD else scorer]
    return options.get(read(row["text"], list(options), shown))


def most_probable(log_probabilities: dict[str, float]) -> str:
    """Return the label code with the highest log-probability."""
    return max(log_probabilities, key=log_probabilities.__getitem__)


def has_probabilities(rows: list[Row]) -> bool:
    """Whether every prediction holds the probabilities of its options."""
    return all(row["log_probabilities"] is not None for row in rows)


def right_answers(rows: list[Row], scorer: str, names: dict[str, str]) -> dict[str, bool]:
    """Return whether each question was answered right, by its id."""
    return {row["id"]: answer == row["gold"] for row, answer in zip(rows, answers(rows, scorer, names), strict=True)}
