"""Error analysis: each question with all answers, and accuracy by kind of question."""

import numpy as np
import pandas as pd

from finintent.analysis.answers import LOG_LIKELIHOOD, right_answers
from finintent.analysis.statistics import wilson
from finintent.errors import DataError
from finintent.task.system import SYSTEM_COLUMNS, SYSTEM_TYPES, System

LENGTH_GROUPS = 3
SLICE_COLUMNS = (*SYSTEM_COLUMNS, "slice", "value", "questions", "accuracy", "accuracy_low", "accuracy_high")
Answers = dict[System, pd.DataFrame]  # the answers table of each system


def question_table(answers: Answers) -> pd.DataFrame:
    """Return one row a question, sorted by the number of trained models that miss it, then by the number of answers.

    The majority baseline is left out: a constant answer contains no information about a question.

    Args:
        answers: the answers table of each system.

    Returns:
        id, question, gold and hard; for each system its answer and that answer's probability among the options
        (missing where it gives none); `missed`, the number of trained models that are wrong; `answers`, the number of
        different answers; `label_suspect`, whether every trained model misses it: the question is hard, or its label
        is wrong.
    """
    answers = {system: table for system, table in answers.items() if not system.constant}
    first = next(iter(answers.values())).set_index("id")
    questions = first[["question", "gold", "hard"]].copy()
    chosen = {}
    for system, table in answers.items():
        given = table.set_index("id").reindex(questions.index)
        chosen[system] = questions[system.name] = given[LOG_LIKELIHOOD]
        questions[f"p({system.name})"] = given["probability"]
    trained = [system for system in answers if system.trained]
    wrong = [(chosen[system] != questions["gold"]).fillna(True).astype(int) for system in trained]
    questions["missed"] = sum(wrong) if wrong else 0
    questions["answers"] = pd.DataFrame(chosen).nunique(axis=1, dropna=False)
    questions["label_suspect"] = bool(trained) & (questions["missed"] == len(trained))
    return questions.reset_index().sort_values(
        ["missed", "answers", "id"], ascending=[False, False, True], ignore_index=True
    )


def slices(answers: Answers) -> pd.DataFrame:
    """Return accuracy with its 95 % Wilson interval by system and slice: length of the question, hard or not, label.

    The majority baseline is left out.
    """
    parts = []
    for system, table in answers.items():
        if not system.constant:
            lengths = table["question"].str.len()
            edges = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTH_GROUPS + 1)[1:-1], method="lower"))
            groups = {
                "length": lengths.map(lambda length, edges=edges: _between(length, edges)),
                "hard": table["hard"].map({True: "hard", False: "not hard"}),
                "label": table["gold"],
            }
            parts += [_slice(system, table, kind, values) for kind, values in groups.items()]
    return pd.concat(parts, ignore_index=True)


def persona_slices(answers: Answers, personas: dict[str, str]) -> pd.DataFrame:
    """Return accuracy on the validation rows by system and persona, in the columns of `slices`.

    Args:
        answers: the answers table of each system on the validation rows.
        personas: id of the persona that is speaking, by the id of the row. Evaluation questions have no persona.

    Returns:
        SLICE_COLUMNS; no rows if there is only one persona.

    Raises:
        DataError: an answered row has no persona.
    """
    parts = []
    for system, table in answers.items():
        if not system.constant and len(set(personas.values())) > 1:
            speakers = table["id"].map(personas)
            if speakers.isna().any():
                raise DataError(
                    f"{system.name}: the validation row {table['id'][speakers.isna()].iloc[0]!r} is not in the curated "
                    "validation set; evaluate the model again"
                )
            parts.append(_slice(system, table, "persona (validation rows)", speakers))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=SLICE_COLUMNS)


def _slice(system: System, table: pd.DataFrame, kind: str, values: pd.Series) -> pd.DataFrame:
    right = right_answers(table).reset_index(drop=True)
    rows = [
        [*system.key, kind, value, len(part), part.mean(), *wilson(int(part.sum()), len(part))]
        for value, part in right.groupby(values, sort=True)
    ]
    return pd.DataFrame(rows, columns=SLICE_COLUMNS).astype(SYSTEM_TYPES)


def _between(length: int, edges: np.ndarray) -> str:
    place = int(np.searchsorted(edges, length))
    if place == 0:
        return f"up to {edges[0]} characters"
    if place == len(edges):
        return f"more than {edges[-1]} characters"
    return f"{edges[place - 1] + 1} to {edges[place]} characters"
