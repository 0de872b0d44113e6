"""Comparison of files of predictions from any source, as the workflow compares its own."""

import inspect
import json
import logging
from collections.abc import Iterable
from itertools import combinations, takewhile
from pathlib import Path
from typing import Any

from finintent.analysis.answers import SCORERS, answer_table, read_by, ties
from finintent.analysis.comparison import paired_rows
from finintent.analysis.metrics import summarise
from finintent.errors import ConfigError, DataError
from finintent.task.prediction import Prediction, read_predictions
from finintent.task.taxonomy import Taxonomy
from finintent.task.text import normalise

logger = logging.getLogger(__name__)
MEASURES = ("questions", "correct", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "parsed", "ties")
_OPTIONS = {"A": "yes", "B": "no"}
EXAMPLE = (
    {"id": "1", "gold": "yes", "options": _OPTIONS, "log_probabilities": {"yes": -0.1, "no": -2.4}, "text": "A"},
    {"id": "2", "gold": "no", "options": _OPTIONS, "log_probabilities": {"yes": -1.2, "no": -0.4}, "text": "B."},
)


def set_names(paths: list[Path]) -> list[str]:
    """Return a name for each file: its path without the folders at the beginning and the end that all have in common.

    Raises:
        ConfigError: a file is given twice, or there is only one.
    """
    parts = [path.absolute().parts for path in paths]
    if len({path.resolve() for path in paths}) < len(parts) or len(parts) < 2:
        raise ConfigError(f"found {', '.join(map(str, paths))}; expected two or more different files of predictions")
    head = _shared(parts)
    tail = _shared([part[head:][::-1] for part in parts])
    return ["/".join(part[head : len(part) - tail]) or "." for part in parts]


def _shared(parts: Iterable[tuple[str, ...]]) -> int:
    """Return the number of elements at the beginning that all have in common."""
    return sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, zip(*parts, strict=False)))


def compare_sets(paths: list[Path], taxonomy: Taxonomy, scorer: str, *, seed: int) -> dict[str, Any]:
    """Compare two or more files of predictions.

    Returns:
        `scorer`; `sets`, one row a file (name, file, scorer, MEASURES) with the scorer that read it: a file without
        probabilities is read by its text, one without texts by its probabilities; `pairs`, one row a pair from
        `comparison.paired_rows`, in the order of the files.

    Raises:
        ConfigError: there is no such scorer.
        DataError: the files do not hold the same questions with the same gold labels.
    """
    if scorer not in SCORERS:
        raise ConfigError(f"scorer {scorer!r} is unknown; choose one of {', '.join(SCORERS)}")
    names = set_names(paths)
    sets = {name: read_predictions(path, taxonomy.codes) for name, path in zip(names, paths, strict=True)}
    gold = {row.id: row.gold for row in sets[names[0]]}
    for name, rows in sets.items():
        if changed := [row.id for row in rows if gold.get(row.id, row.gold) != row.gold]:
            raise DataError(
                f"{name} and {names[0]} have different gold labels of question {changed[0]!r}; evaluate both on the "
                "same file"
            )
        _tell_other_texts(name, rows, names[0], sets[names[0]])
    answers = {name: answer_table(rows, taxonomy.names) for name, rows in sets.items()}
    pairs = paired_rows(answers, list(combinations(names, 2)), scorer, seed=seed)
    measured = {
        name: summarise(table, taxonomy.codes, scorer) | {"ties": ties(sets[name], scorer)}
        for name, table in answers.items()
    }
    for name, measures in measured.items():
        if not measures["parsed"] and not measures["ties"]:
            logger.warning(
                "%s: %s reads a label in no answer; check `answer` (letter or label) and `options`",
                name,
                read_by(sets[name], scorer),
            )
    return {
        "scorer": scorer,
        "sets": [
            {"name": name, "file": str(path), "scorer": read_by(sets[name], scorer)}
            | {key: measured[name][key] for key in MEASURES}
            for name, path in zip(names, paths, strict=True)
        ],
        "pairs": pairs,
    }


def _tell_other_texts(name: str, rows: list[Prediction], first: str, others: list[Prediction]) -> None:
    """Log a warning if two sets have another text for the same question."""
    texts = {row.id: row.question for row in others if row.question}
    for row in rows:
        if row.question and normalise(texts.get(row.id, row.question)) != normalise(row.question):
            logger.warning(
                "%s and %s have other texts of question %r; are they answers to the same questions?",
                name,
                first,
                row.id,
            )
            return


def as_text(compared: dict[str, Any]) -> str:
    """Return the result of `compare_sets` as text: a table of the sets, and a verdict and its numbers for each pair."""
    width = max(len(row["name"]) for row in compared["sets"])
    lines = [f"{'':{width}}  accuracy  95 % interval  right of questions   ties  read by"]
    lines += [
        f"{row['name']:{width}}  {100 * row['accuracy']:6.1f} %  {100 * row['accuracy_low']:5.1f} to "
        f"{100 * row['accuracy_high']:5.1f}  {row['correct']:>5} of {row['questions']:<9}  "
        f"{row['ties']:>5}  {row['scorer']}"
        for row in compared["sets"]
    ]
    for row in compared["pairs"]:
        kappa = "not defined" if row["kappa"] is None else f"{row['kappa']:.2f}"
        lines += [
            "",
            f"{row['verdict']}.",
            f"  fixed {row['fixed']}, broken {row['broken']}; McNemar's exact p = {row['p_value']:.2g}; "
            f"agreement of answers (kappa) {kappa}",
        ]
    return "\n".join(lines)


def format_text() -> str:
    """Return what a file of predictions holds: in words, as the JSON schema of a line, and as an example."""
    schema = Prediction.model_json_schema()
    words = inspect.cleandoc(schema.pop("description")).replace("Attributes:\n", "").replace("None", "null")
    lines = "".join(f"{json.dumps(row)}\n" for row in EXAMPLE)
    return (
        f"{words}\n\nOther keys are ignored. log_probabilities or text may be null, in all lines of a file.\n\n"
        f"JSON schema of a line:\n{json.dumps(schema, indent=2)}\n\n"
        f"Example, with the labels yes and no:\n{lines}"
    )
