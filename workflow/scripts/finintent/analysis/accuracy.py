"""Tables of the accuracy of all systems, and of its dependence on the order of the options."""

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd

from finintent.analysis.answers import LOG_LIKELIHOOD
from finintent.task.system import SYSTEM_COLUMNS, SYSTEM_TYPES, System, main_systems

CALIBRATION = ("brier", "log_loss", "ece")
PERMUTATIONS = ("orders", "own", "mean", "worst", "consistency", "ties")


def accuracy_table(metrics: dict[System, dict[str, Any]]) -> pd.DataFrame:
    """Return one row a main run (`system.main_systems`) and scorer, from the result of `metrics.measure` of each run.

    `headline` marks the row of the main scorer. The rows of the log-likelihood also have the calibration, before
    temperature scaling and (where a temperature was fitted on validation rows) after it.
    """
    rows = []
    for system in main_systems(list(metrics)):
        measured = metrics[system]
        for scorer, values in measured["scorers"].items():
            recall = {f"recall_{code}": scores["recall"] for code, scores in values["per_class"].items()}
            kept = {key: value for key, value in values.items() if key not in ("per_class", "confusion")}
            calibration = measured["calibration"] if scorer == LOG_LIKELIHOOD else None
            rows.append(
                {
                    **dict(zip(SYSTEM_COLUMNS, system.key, strict=True)),
                    "scorer": scorer,
                    "headline": scorer == measured["headline"],
                    **kept,
                    **{key: calibration and calibration[key] for key in (*CALIBRATION, "temperature")},
                    **{
                        f"{key}_scaled": calibration and calibration["scaled"] and calibration["scaled"][key]
                        for key in CALIBRATION
                    },
                    **recall,
                }
            )
    return pd.DataFrame(rows).astype(SYSTEM_TYPES)


def permutation_table(metrics: dict[System, dict[str, Any]]) -> pd.DataFrame:
    """Return one row a system that was asked with several orders of the options, over all its training seeds.

    Args:
        metrics: the result of `metrics.measure` of each run.

    Returns:
        The columns PERMUTATIONS: the number of orders; own, the accuracy in the question's own order; mean, that over
        all orders; worst, that in the worst order; consistency, the share of questions with the same answer in all
        orders. Each is the mean over the seeds; the worst order is the one with the lowest mean. ties is a sum: of the
        answers in all orders and of all seeds that name no label because several tie.
    """
    by_system = defaultdict(list)
    for run, measured in metrics.items():
        if measured["permutations"]:
            by_system[run.all_seeds].append(measured["permutations"])
    rows = []
    for system, runs in by_system.items():
        accuracy = np.mean([run["accuracy"] for run in runs], axis=0)  # of each order
        consistency = np.mean([run["consistency"] for run in runs])
        tied = sum(run["ties"] for run in runs)
        rows.append([*system.key, len(accuracy), accuracy[0], accuracy.mean(), accuracy.min(), consistency, tied])
    return pd.DataFrame(rows, columns=[*SYSTEM_COLUMNS, *PERMUTATIONS]).astype(SYSTEM_TYPES)
