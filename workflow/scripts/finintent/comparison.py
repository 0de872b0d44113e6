"""All models in one table, and the paired tests between them."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from finintent.metrics import SCORERS, compare

HEADLINE = "loglikelihood"
SIGNIFICANCE_LEVEL = 0.05


def accuracy_table(metrics: dict[str, Any]) -> pd.DataFrame:
    """Return one row a model, variant and scorer; `metrics` holds each model's metrics.json by name."""
    rows = []
    for model, variants in metrics.items():
        for variant, scorers in variants.items():
            if variant == "gain":
                continue
            for scorer, values in scorers.items():
                recall = {f"recall_{code}": value for code, value in values["recall"].items()}
                kept = {key: value for key, value in values.items() if key not in ("recall", "confusion")}
                rows.append({"model": model, "variant": variant, "scorer": scorer, **kept, **recall})
    return pd.DataFrame(rows)


def paired_tests(
    metrics: dict[str, Any], tuned: dict[str, list[dict[str, Any]]], baseline: str, answers: list[dict[str, Any]]
) -> pd.DataFrame:
    """Return the exact McNemar tests: each model's base against tuned, and the linear baseline against each tuned."""
    rows = []
    for model, predictions in tuned.items():
        for scorer in SCORERS:
            rows.append(
                {"first": f"{model} base", "second": f"{model} tuned", "scorer": scorer}
                | metrics[model]["gain"][scorer]
            )
            rows.append(
                {"first": baseline, "second": f"{model} tuned", "scorer": scorer}
                | asdict(compare(answers, predictions, scorer))
            )
    return pd.DataFrame(rows)


def summary(accuracy: pd.DataFrame, tests: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers that captions quote, of the headline scorer."""
    headline = accuracy[accuracy["scorer"] == HEADLINE].sort_values("accuracy", ascending=False)
    paired = tests[tests["scorer"] == HEADLINE]
    return {
        "scorer": HEADLINE,
        "questions": int(headline["questions"].iloc[0]),
        "best": headline.iloc[0].to_dict(),
        "models": headline.to_dict("records"),
        "tests": [{**row, "significant": row["p_value"] < SIGNIFICANCE_LEVEL} for row in paired.to_dict("records")],
    }
