"""Tables of the accuracy of all systems, and of its dependence on the order of the options."""

from typing import Any

import pandas as pd

from finintent.analysis.answers import LOG_LIKELIHOOD
from finintent.task.system import SYSTEM_COLUMNS, System

CALIBRATION = ("brier", "log_loss", "ece")
PERMUTATIONS = ("orders", "own", "mean", "worst", "consistency")


def accuracy_table(metrics: dict[System, dict[str, Any]]) -> pd.DataFrame:
    """Return one row a system and scorer, from the result of `metrics.measure` of each system.

    `headline` marks the row of the main scorer. The rows of the log-likelihood also have the calibration, before
    temperature scaling and (where a temperature was fitted on validation rows) after it.
    """
    rows = []
    for system, measured in metrics.items():
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
    return pd.DataFrame(rows)


def permutation_table(metrics: dict[System, dict[str, Any]]) -> pd.DataFrame:
    """Return one row for each system that was asked with several orders of the options, with the columns PERMUTATIONS.

    `own` is the accuracy in the question's own order; see `metrics.permuted` for the others.
    """
    rows = [
        [*system.key, shown["orders"], shown["accuracy"][0], *(shown[key] for key in PERMUTATIONS[2:])]
        for system, measured in metrics.items()
        if (shown := measured["permutations"])
    ]
    return pd.DataFrame(rows, columns=[*SYSTEM_COLUMNS, *PERMUTATIONS])
