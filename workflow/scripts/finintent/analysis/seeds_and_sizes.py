"""Several runs of one model: over training seeds, and over sizes of the training set."""

from collections import defaultdict
from typing import Any

import pandas as pd

from finintent.analysis.answers import LOG_LIKELIHOOD, right_answers
from finintent.analysis.comparison import Predictions
from finintent.analysis.statistics import clustered_interval
from finintent.errors import DataError
from finintent.task.system import MAJORITY_BASELINE, System

COLUMNS = (
    "model", "variant", "rows", "seeds", "runs", "questions", "mean", "low", "high", "min", "max",
    "gain", "gain_low", "gain_high",
)  # fmt: skip


def run_table(predictions: Predictions, names: dict[str, str], *, seed: int) -> pd.DataFrame:
    """Return one row a model, variant and number of training rows, in the order given, with the columns COLUMNS.

    mean, min and max: accuracy (0-1) over the training seeds; low and high: its 95 % interval over (seed, question),
    `statistics.clustered_interval`; gain: the mean difference from the base model on the same questions, with the same
    interval, None where there is no base model. `names`: option text by label code. DataError where runs of one model
    answered other questions than the first.
    """
    runs = defaultdict(dict)
    for system, rows in predictions.items():
        runs[system._replace(seed=None)][system.seed] = right_answers(rows, LOG_LIKELIHOOD, names)
    table = []
    for system, by_seed in runs.items():
        # Columns are questions: aligned by id, whatever the order of a file.
        right = pd.DataFrame.from_dict(by_seed, orient="index").astype(float)
        base = runs.get(System(system.model, "base"), {}).get(None) if system.variant != "base" else None
        gain = right - pd.Series(base) if base else None
        if right.isna().any(axis=None) or (gain is not None and gain.isna().any(axis=None)):
            raise DataError(f"the runs of {system.model} answer different questions; evaluate all on the same file")
        accuracy = right.mean(axis=1)
        row = [*system[:3], " ".join(map(str, filter(lambda given: given is not None, by_seed))), *right.shape]
        row += [*clustered_interval(right.to_numpy(), seed=seed), accuracy.min(), accuracy.max()]
        row += [None] * 3 if gain is None else clustered_interval(gain.to_numpy(), seed=seed)
        table.append(row)
    return pd.DataFrame(table, columns=COLUMNS).astype({"rows": "Int64"})


def seed_table(runs: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Return the rows of a run table of `rows` training rows, and those of models that were not trained."""
    return runs[(runs["rows"] == rows) | runs["rows"].isna()]


def learning_curve(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a run table of models that were trained, each model's from few training rows to many."""
    trained = runs["rows"].notna() & (runs["model"] != MAJORITY_BASELINE)
    return runs[trained].sort_values(["model", "variant", "rows"], ignore_index=True)


def in_words(runs: pd.DataFrame, rows: int) -> dict[str, list[str]]:
    """Return a sentence on each tuned model under `seeds`: what training anew on `rows` rows does to its accuracy; and
    one on each trained model under `learning_curve`: its accuracy by the number of rows.
    """
    seeds = seed_table(runs, rows)
    curves = learning_curve(runs).groupby(["model", "variant"], sort=False)
    return {
        "seeds": [_of_seeds(row) for row in seeds[seeds["variant"] == "tuned"].to_dict("records")],
        "learning_curve": [
            f"{System(*key).name}: "
            + ", ".join(
                f"{100 * mean:.1f} % with {size} rows" for size, mean in zip(part["rows"], part["mean"], strict=True)
            )
            + "."
            for key, part in curves
        ],
    }


def _of_seeds(row: dict[str, Any]) -> str:
    name = System(row["model"], row["variant"]).name
    numbers = {key: f"{100 * row[key]:.1f}" for key in ("mean", "low", "high", "min", "max")}
    if row["runs"] == 1:
        return (
            f"{name}: one seed ({row['seeds']}), {numbers['mean']} % (95 % interval {numbers['low']} to "
            f"{numbers['high']}); the interval tells of the questions, not of training anew."
        )
    seeds = row["seeds"].replace(" ", ", ")
    return (
        f"{name}: {row['runs']} seeds ({seeds}), mean {numbers['mean']} % (95 % interval over "
        f"seeds and questions {numbers['low']} to {numbers['high']}), from {numbers['min']} to {numbers['max']} %"
        f"{_of_gain(row)}."
    )


def _of_gain(row: dict[str, Any]) -> str:
    if pd.isna(row["gain"]):
        return ""
    gain, low, high = (100 * row[key] for key in ("gain", "gain_low", "gain_high"))
    told = low > 0 or high < 0
    known = f"{abs(gain):.1f} points {'better' if gain > 0 else 'worse'} than" if told else "not distinguishable from"
    return f"; over the seeds {known} the base model (difference {gain:z.1f} points, {low:z.1f} to {high:z.1f})"
