"""Several runs of one model, with different training seeds and sizes of the training set."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pandas as pd

from finintent.analysis.answers import right_by_system
from finintent.analysis.contrasts import Contrast
from finintent.analysis.statistics import clustered_interval, wilson
from finintent.task.system import MAJORITY_BASELINE, SYSTEM_COLUMNS, SYSTEM_TYPES, System

COLUMNS = (
    *SYSTEM_COLUMNS, "series", "compared", "seeds", "runs", "questions", "mean", "low", "high", "interval",
    "min", "max",
)  # fmt: skip
# How the interval of a mean was computed. The interval of a single run is that of the accuracy table.
OVER_QUESTIONS = "Wilson, over questions"
OVER_SEEDS = "bootstrap, over seeds and questions"


def run_table(answers: dict[System, pd.DataFrame], contrasts: Sequence[Contrast], *, seed: int) -> pd.DataFrame:
    """Return one row a system with all its seeds, in the order given.

    Args:
        answers: the answers table of each run.
        contrasts: of the study.
        seed: of the bootstrap.

    Returns:
        The columns COLUMNS. series: the name without the number of rows. compared: whether a contrast has it. mean, min
        and max: accuracy (0-1) over the training seeds. low and high: its 95 % interval, by Wilson's method for one run
        and by `statistics.clustered_interval` for several.

    Raises:
        DataError: two runs answered different questions.
    """
    seeds = defaultdict(list)
    for run in answers:
        seeds[run.all_seeds] += [] if run.seed is None else [str(run.seed)]
    by_system = right_by_system(answers)
    compared = {system for contrast in contrasts for system in (contrast.first, contrast.second)}
    rows = []
    for system, right in by_system.items():
        accuracy = right.mean(axis=1)
        one = len(right) == 1
        low, high = wilson(int(right.sum()), right.shape[1]) if one else clustered_interval(right, seed=seed)[1:]
        rows.append(
            [
                *system.key, system.series, system in compared, " ".join(seeds[system]) or None, *right.shape,
                right.mean(), low, high, OVER_QUESTIONS if one else OVER_SEEDS, accuracy.min(), accuracy.max(),
            ]
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS).astype({**SYSTEM_TYPES, "seeds": "string"})


def learning_curve(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a run table of models that were trained, each series together, by number of training rows."""
    trained = runs[runs["rows"].notna() & (runs["model"] != MAJORITY_BASELINE)]
    order = trained["series"].map({name: place for place, name in enumerate(trained["series"].unique())})
    return trained.assign(order=order).sort_values(["order", "rows"], ignore_index=True).drop(columns="order")


def sentences(runs: pd.DataFrame) -> dict[str, list[str]]:
    """Return sentences about runs.

    Args:
        runs: the result of `run_table`.

    Returns:
        `seeds`: one on the runs of each tuned model and recipe with the most training rows. `learning_curve`: one on
        the accuracy of each trained model and recipe by the number of rows.
    """
    curves = learning_curve(runs)
    most = curves.groupby("series", sort=False).tail(1)
    return {
        "seeds": [_of_seeds(row) for row in most[most["variant"] == "tuned"].to_dict("records")],
        "learning_curve": [
            f"{series}: "
            + ", ".join(
                f"{100 * mean:.1f} % with {size} rows" for size, mean in zip(part["rows"], part["mean"], strict=True)
            )
            + "."
            for series, part in curves.groupby("series", sort=False)
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
        f"seeds and questions {numbers['low']} to {numbers['high']}), from {numbers['min']} to {numbers['max']} %."
    )
