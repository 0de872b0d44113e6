"""The answers table of a system: the label that each prediction names under each scorer.

The scoring stage writes it once; all later stages read it instead of the answer texts.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from finintent.analysis.calibration import probabilities
from finintent.analysis.extraction import TEXT_SCORERS, greedy_label
from finintent.errors import DataError
from finintent.task.chosen import most_probable
from finintent.task.prediction import Prediction
from finintent.task.system import System

LOG_LIKELIHOOD = "loglikelihood"
GREEDY = "greedy"  # the scorer of a model that gives no probabilities
SCORERS = (LOG_LIKELIHOOD, *TEXT_SCORERS)
EVALUATION, VALIDATION = "evaluation", "validation"  # the values of the column `split`


def answer_table(predictions: Sequence[Prediction], names: dict[str, str], split: str = EVALUATION) -> pd.DataFrame:
    """Return the answers table of one system, with one row a question.

    A classifier, which gives no text, is scored by its probabilities under every scorer. A model behind an API, which
    gives no probabilities, is scored by its text (`greedy`) where the log-likelihood is meant. Answers by label are
    read by `greedy` alone: the other scorers of text look for letters.

    Args:
        predictions: of one model, one a question.
        names: option text by label code.
        split: the set of questions that they answer.

    Returns:
        The columns split, id, question, gold, hard; one a scorer with the label code that the answer names (missing if
        it names none, or if several labels tie for the most probable one); probability, that of the most probable label
        (missing if the model gave none).
    """
    rows = [
        {
            "split": split,
            "id": row.id,
            "question": row.question,
            "gold": row.gold,
            "hard": row.hard,
            **_answers(row, names),
            "probability": _probability(row),
        }
        for row in predictions
    ]
    types = {"hard": bool, "probability": "float64"} | dict.fromkeys(("split", "id", "question", "gold", *SCORERS), str)
    table = pd.DataFrame(rows, columns=["split", "id", "question", "gold", "hard", *SCORERS, "probability"])
    return table.astype({key: "string" if kind is str else kind for key, kind in types.items()})


def _answers(row: Prediction, names: dict[str, str]) -> dict[str, str | None]:
    chosen = most_probable(row.log_probabilities) if row.log_probabilities else None
    if row.text is None:
        return dict.fromkeys(SCORERS, chosen)
    shown = {letter: names[code] for letter, code in row.options.items()}
    readers = TEXT_SCORERS if row.answer == "letter" else {GREEDY: greedy_label}
    read = dict.fromkeys(TEXT_SCORERS) | {
        name: row.options.get(extract(row.text, list(shown), shown)) for name, extract in readers.items()
    }
    return {LOG_LIKELIHOOD: chosen if row.log_probabilities else read[GREEDY], **read}


def read_by(rows: Sequence[Prediction], scorer: str) -> str:
    """Return the scorer that reads the rows of a system where another is meant, as in `answer_table`."""
    if rows[0].text is None:
        return LOG_LIKELIHOOD
    return GREEDY if scorer == LOG_LIKELIHOOD and rows[0].log_probabilities is None else scorer


def ties(rows: Sequence[Prediction], scorer: str) -> int:
    """Return how many answers a scorer leaves out because several labels tie for the most probable one."""
    if read_by(rows, scorer) != LOG_LIKELIHOOD:
        return 0
    return sum(most_probable(row.log_probabilities) is None for row in rows)


def _probability(row: Prediction) -> float | None:
    if row.log_probabilities is None:
        return None
    return float(probabilities([list(row.log_probabilities.values())]).max())


def write_answers(path: str | Path, answers: pd.DataFrame) -> None:
    """Write an answers table as Parquet, which keeps the types of the columns."""
    answers.to_parquet(path, index=False)


def read_answers(path: str | Path, split: str = EVALUATION) -> pd.DataFrame:
    """Read the rows of one split of an answers table."""
    answers = pd.read_parquet(path)
    return answers[answers["split"] == split].reset_index(drop=True)


def given_answers(answers: pd.DataFrame, scorer: str) -> list[str | None]:
    """Return the label code of each answer under a scorer, None where it names none."""
    return [None if pd.isna(code) else code for code in answers[scorer]]


def right_answers(answers: pd.DataFrame, scorer: str = LOG_LIKELIHOOD) -> pd.Series:
    """Return whether each question was answered right, by its id."""
    right = (answers[scorer] == answers["gold"]).fillna(False).astype(bool)
    return pd.Series(right.to_numpy(), index=pd.Index(answers["id"], dtype=object))


def aligned(answers: dict[str, pd.DataFrame], scorer: str = LOG_LIKELIHOOD) -> pd.DataFrame:
    """Return whether each system answered each question right, shape (questions, systems), questions by id.

    Args:
        answers: answers tables by the name of their system.
        scorer: how answers are read.

    Raises:
        DataError: two systems did not answer the same questions.
    """
    right = {name: right_answers(table, scorer) for name, table in answers.items()}
    first, *others = right
    for other in others:
        left, found = set(right[first].index), set(right[other].index)
        if left != found:
            raise DataError(
                f"{first} and {other} answer different questions ({len(left)} and {len(found)}, {len(left & found)} "
                "shared); evaluate both on the same file"
            )
    return pd.DataFrame(right).sort_index()  # independent of the order in a file


def right_by_system(answers: dict[System, pd.DataFrame]) -> dict[System, NDArray[np.bool_]]:
    """Return whether each question was answered right, by system with all its seeds together.

    Args:
        answers: the answers table of each run.

    Returns:
        Shape (seeds, questions), with the questions of all systems in one order.

    Raises:
        DataError: two runs did not answer the same questions.
    """
    names = {run: run.name if run.seed is None else f"{run.name}, seed {run.seed}" for run in answers}
    right = aligned({names[run]: table for run, table in answers.items()})
    by_system = defaultdict(list)
    for run, name in names.items():
        by_system[run.all_seeds].append(right[name].to_numpy())
    return {system: np.array(seeds) for system, seeds in by_system.items()}
