"""Sets of predictions from anywhere, compared as the workflow compares its own."""

from collections.abc import Iterable
from itertools import combinations, takewhile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from finintent.analysis.answers import SCORERS, Row
from finintent.analysis.comparison import paired_rows
from finintent.analysis.metrics import summarise
from finintent.errors import ConfigError, DataError
from finintent.files import numbered_jsonl, parse, read_text
from finintent.task.taxonomy import Taxonomy

MEASURES = ("questions", "correct", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "parsed")


class _Prediction(BaseModel):
    """What a row must hold to be compared; other keys of it are not looked at."""

    id: str
    gold: str
    options: dict[str, str] = Field(min_length=2)
    log_probabilities: dict[str, float] | None
    text: str | None


def read_predictions(path: str | Path, taxonomy: Taxonomy) -> list[Row]:
    """Return a file of predictions in the order of their ids, so that rows of two files stand beside each other.

    DataError names the line that is no prediction, speaks of other labels than the taxonomy, or repeats an id.
    """
    rows: dict[str, Row] = {}
    codes = set(taxonomy.codes)
    for where, row in numbered_jsonl(path, read_text(path)):
        found = parse(where, row, _Prediction)
        if found.log_probabilities is None and found.text is None:
            raise DataError(f"{where}: neither log_probabilities nor text, expected at least one of them")
        for key in ("options", "log_probabilities"):
            labels = getattr(found, key)
            if labels is not None and {*(labels.values() if key == "options" else labels)} != codes:
                raise DataError(f"{where}: {key} is {labels}, expected each of the labels {', '.join(taxonomy.codes)}")
        if found.gold not in codes:
            raise DataError(f"{where}: gold is {found.gold!r}, expected one of {', '.join(taxonomy.codes)}")
        if found.id in rows:
            raise DataError(f"{where}: id {found.id!r} a second time; expected one row a question")
        rows[found.id] = row
    if not rows:
        raise DataError(f"{path}: no predictions, expected one a line")
    return [rows[key] for key in sorted(rows)]


def set_names(paths: list[Path]) -> list[str]:
    """Return a name a file: its path without the folders and the ending that all have in common.

    ConfigError where a file is given twice, or alone.
    """
    parts = [path.absolute().parts for path in paths]
    if len(set(parts)) < len(parts) or len(parts) < 2:
        raise ConfigError(f"found {', '.join(map(str, paths))}; expected two or more different files of predictions")
    head = _shared(parts)
    tail = _shared([part[head:][::-1] for part in parts])
    return ["/".join(part[head : len(part) - tail]) or "." for part in parts]


def _shared(parts: Iterable[tuple[str, ...]]) -> int:
    """Return how many of their first elements all have in common."""
    return sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, zip(*parts, strict=False)))


def compare_sets(paths: list[Path], taxonomy: Taxonomy, scorer: str, *, seed: int) -> dict[str, Any]:
    """Return the `scorer`, a row a set (name, file, MEASURES) under `sets`, and a row a pair under `pairs`.

    Pairs are those of `comparison.paired_rows`, in the order of the files. ConfigError for a scorer that there is not,
    DataError for files that do not hold the same questions with the same gold labels.
    """
    if scorer not in SCORERS:
        raise ConfigError(f"scorer {scorer!r} is unknown; choose one of {', '.join(SCORERS)}")
    names = set_names(paths)
    sets = {name: read_predictions(path, taxonomy) for name, path in zip(names, paths, strict=True)}
    gold = {row["id"]: row["gold"] for row in sets[names[0]]}
    for name, rows in sets.items():
        if changed := [row["id"] for row in rows if gold.get(row["id"], row["gold"]) != row["gold"]]:
            raise DataError(
                f"{name} and {names[0]} have different gold labels of question {changed[0]!r}; evaluate both on the "
                "same file"
            )
    pairs = paired_rows(sets, list(combinations(names, 2)), scorer, taxonomy.names, seed=seed)
    measured = {name: summarise(rows, taxonomy.names, scorer) for name, rows in sets.items()}
    return {
        "scorer": scorer,
        "sets": [
            {"name": name, "file": str(path)} | {key: measured[name][key] for key in MEASURES}
            for name, path in zip(names, paths, strict=True)
        ],
        "pairs": pairs,
    }


def in_words(compared: dict[str, Any]) -> str:
    """Return what `compare_sets` found as text: a table of the sets, one of the pairs, and a sentence a pair."""
    width = max(len(row["name"]) for row in compared["sets"])
    lines = [f"{'':{width}}  accuracy  95 % interval  right of questions"]
    lines += [
        f"{row['name']:{width}}  {100 * row['accuracy']:6.1f} %  {100 * row['accuracy_low']:5.1f} to "
        f"{100 * row['accuracy_high']:5.1f}  {row['correct']} of {row['questions']}"
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
