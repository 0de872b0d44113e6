"""Several runs of one model, with different training seeds and sizes of the training set."""

from collections import defaultdict
from typing import Any

import pandas as pd

from finintent.analysis.answers import right_answers
from finintent.analysis.statistics import clustered_interval, wilson
from finintent.errors import DataError
from finintent.task.system import MAJORITY_BASELINE, SYSTEM_COLUMNS, System

COLUMNS = (
    *SYSTEM_COLUMNS, "rows", "seeds", "runs", "questions", "mean", "low", "high", "interval", "min", "max",
    "gain", "gain_low", "gain_high",
)  # fmt: skip
# How the interval of a mean was computed. The interval of a single run is that of the accuracy table.
OVER_QUESTIONS = "Wilson, over questions"
OVER_SEEDS = "bootstrap, over seeds and questions"


def run_table(systems: list[System], answers: list[pd.DataFrame], *, seed: int) -> pd.DataFrame:
    """Return one row a model, variant and number of training rows, in the order given.

    Args:
        systems: each run of each model.
        answers: the answers table of each.
        seed: of the bootstrap.

    Returns:
        The columns COLUMNS. mean, min and max: accuracy (0-1) over the training seeds. low and high: its 95 % interval,
        by Wilson's method for one run and by `statistics.clustered_interval` for several. gain: the mean difference
        from the base model on the same questions, with the bootstrap's interval; missing without a base model.

    Raises:
        DataError: runs of one model answered other questions than its first run.
    """
    runs = defaultdict(dict)
    for system, table in zip(systems, answers, strict=True):
        runs[system._replace(seed=None)][system.seed] = right_answers(table)
    rows = []
    for system, by_seed in runs.items():
        # Columns are questions, aligned by id: the order in a file does not matter.
        right = pd.DataFrame(by_seed).T.astype(float)
        base = runs.get(System(system.model, "base"), {}).get(None) if system.variant != "base" else None
        gain = None if base is None else right - base.astype(float)
        if right.isna().any(axis=None) or (gain is not None and gain.isna().any(axis=None)):
            raise DataError(f"the runs of {system.model} answer different questions; evaluate all on the same file")
        accuracy = right.mean(axis=1)
        mean, low, high = clustered_interval(right.to_numpy(), seed=seed)
        if len(by_seed) == 1:
            low, high = wilson(int(right.to_numpy().sum()), right.shape[1])
        seeds = " ".join(str(given) for given in by_seed if given is not None) or None
        rows.append(
            [
                *system.key, system.rows, seeds, *right.shape,
                mean, low, high, OVER_QUESTIONS if len(by_seed) == 1 else OVER_SEEDS, accuracy.min(), accuracy.max(),
                *([None] * 3 if gain is None else clustered_interval(gain.to_numpy(), seed=seed)),
            ]
        )  # fmt: skip
    types = {"rows": "Int64", "gain": float, "gain_low": float, "gain_high": float}
    return pd.DataFrame(rows, columns=COLUMNS).astype(types)


def seed_table(runs: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Return the rows of a run table that have `rows` training rows or belong to models that were not trained."""
    return runs[(runs["rows"] == rows) | runs["rows"].isna()]


def learning_curve(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a run table of models that were trained, sorted by model and number of training rows."""
    trained = runs["rows"].notna() & (runs["model"] != MAJORITY_BASELINE)
    return runs[trained].sort_values(["model", "variant", "rows"], ignore_index=True)


def sentences(runs: pd.DataFrame, rows: int) -> dict[str, list[str]]:
    """Return sentences about runs.

    Args:
        runs: the result of `run_table`.
        rows: size of the whole training set.

    Returns:
        `seeds`: one on each tuned model's runs with `rows` training rows. `learning_curve`: one on each trained model's
        accuracy by the number of rows.
    """
    seeds = seed_table(runs, rows)
    curves = learning_curve(runs).groupby("name", sort=False)
    return {
        "seeds": [_of_seeds(row) for row in seeds[seeds["variant"] == "tuned"].to_dict("records")],
        "learning_curve": [
            f"{name}: "
            + ", ".join(
                f"{100 * mean:.1f} % with {size} rows" for size, mean in zip(part["rows"], part["mean"], strict=True)
            )
            + "."
            for name, part in curves
        ],
    }


def _of_seeds(row: dict[str, Any]) -> str:
    name = row["name"]
    numbers = {key: f"{100 * row[key]:.1f}" for key in ("mean", "low", "high", "min", "max")}
    if row["runs"] == 1:
        return (
            f"{name}: one seed ({row['seeds']}), {numbers['mean']} % (95 % interval {numbers['low']} to "
            f"{numbers['high']}); the interval covers the choice of questions, not another training."
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
    differs = low > 0 or high < 0
    finding = (
        f"{abs(gain):.1f} points {'better' if gain > 0 else 'worse'} than" if differs else "not distinguishable from"
    )
    return f"; over the seeds {finding} the base model (difference {gain:z.1f} points, {low:z.1f} to {high:z.1f})"
