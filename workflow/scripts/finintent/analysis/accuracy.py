"""Accuracy of all systems in one table, and how it depends on the order of the options."""

from typing import Any

import pandas as pd

from finintent.analysis.answers import LOG_LIKELIHOOD
from finintent.task.system import SYSTEM_COLUMNS, System

CALIBRATION = ("brier", "log_loss", "ece")
PERMUTATIONS = ("orders", "own", "mean", "worst", "consistency")


def accuracy_table(metrics: dict[System, dict[str, Any]]) -> pd.DataFrame:
    """Return one row a system and scorer; `metrics` holds what `metrics.measure` made of each.

    `headline` marks the row that counts first. Calibration stands in the rows of the log-likelihood, before and (where
    a temperature was fitted on validation rows) after temperature scaling.
    """
    rows = []
    for system, measured in metrics.items():
        for scorer, values in measured["scorers"].items():
            recall = {f"recall_{code}": scores["recall"] for code, scores in values["per_class"].items()}
            kept = {key: value for key, value in values.items() if key not in ("per_class", "confusion")}
            believed = measured["calibration"] if scorer == LOG_LIKELIHOOD else None
            rows.append(
                {
                    **dict(zip(SYSTEM_COLUMNS, system.key, strict=True)),
                    "scorer": scorer,
                    "headline": scorer == measured["headline"],
                    **kept,
                    **{key: believed and believed[key] for key in (*CALIBRATION, "temperature")},
                    **{
                        f"{key}_scaled": believed and believed["scaled"] and believed["scaled"][key]
                        for key in CALIBRATION
                    },
                    **recall,
                }
            )
    return pd.DataFrame(rows)


def permutation_table(metrics: dict[System, dict[str, Any]]) -> pd.DataFrame:
    """Return one row a system whose options were shown in several orders, with the columns PERMUTATIONS.

    own: accuracy in the question's own order; see `metrics.permuted`.
    """
    rows = [
        [*system.key, shown["orders"], shown["accuracy"][0], *(shown[key] for key in PERMUTATIONS[2:])]
        for system, measured in metrics.items()
        if (shown := measured["permutations"])
    ]
    return pd.DataFrame(rows, columns=[*SYSTEM_COLUMNS, *PERMUTATIONS])
