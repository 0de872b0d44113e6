"""All models in one table, and the paired tests between them."""

import math
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from finintent.metrics import LOG_LIKELIHOOD, SCORERS, answers, compare, right_answers
from finintent.statistics import (
    cohen_kappa,
    distinguishable,
    holm,
    minimum_detectable_difference,
    paired_bootstrap,
    verdict,
)

HEADLINE = LOG_LIKELIHOOD
Key = tuple[str, str]  # model, variant
Predictions = dict[Key, list[dict[str, Any]]]


def accuracy_table(metrics: dict[str, Any]) -> pd.DataFrame:
    """Return one row a model, variant and scorer; `metrics` holds each model's metrics.json by name."""
    rows = []
    for model, variants in metrics.items():
        for variant, measured in variants.items():
            for scorer, values in measured["scorers"].items():
                recall = {f"recall_{code}": scores["recall"] for code, scores in values["per_class"].items()}
                kept = {key: value for key, value in values.items() if key not in ("per_class", "confusion")}
                believed = {key: measured["calibration"][key] for key in ("brier", "log_loss", "ece")}
                own = believed if scorer == LOG_LIKELIHOOD else {}
                rows.append({"model": model, "variant": variant, "scorer": scorer, **kept, **own, **recall})
    return pd.DataFrame(rows)


def compared_pairs(keys: list[Key]) -> list[tuple[Key, Key]]:
    """Return each model's base against its tuned variant, and every two models that were trained on the task."""
    trained = [key for key in keys if key[1] != "base"]
    gains = [((model, "base"), (model, variant)) for model, variant in trained if (model, "base") in keys]
    return gains + list(combinations(trained, 2))


def paired_tests(predictions: Predictions, names: dict[str, str], *, seed: int) -> pd.DataFrame:
    """Return one row a pair and scorer: the exact McNemar test, its p value adjusted among the pairs of the scorer
    (Holm), the difference of accuracies with its 95 % bootstrap interval, Cohen's kappa of the answers (None where it
    is not defined), and what that says in words.
    """
    pairs = compared_pairs(list(predictions))
    places = {key: place for place, key in enumerate(predictions)}
    rows = []
    for scorer in SCORERS if pairs else ():
        tests = [compare(predictions[first], predictions[second], scorer, names) for first, second in pairs]
        adjusted = holm([test.p_value for test in tests])
        right = pd.DataFrame({key: right_answers(rows_, scorer, names) for key, rows_ in predictions.items()})
        bootstrap = paired_bootstrap(
            right.to_numpy().T, [(places[first], places[second]) for first, second in pairs], seed=seed
        )
        for (first, second), test, p_holm, difference in zip(
            pairs, tests, adjusted, bootstrap.differences, strict=True
        ):
            kappa = cohen_kappa(*(answers(predictions[key], scorer, names) for key in (first, second)))
            rows.append(
                {
                    "first": " ".join(first),
                    "second": " ".join(second),
                    "scorer": scorer,
                    **asdict(test),
                    "p_holm": float(p_holm),
                    "difference": difference.estimate,
                    "difference_low": difference.low,
                    "difference_high": difference.high,
                    "kappa": None if math.isnan(kappa) else kappa,
                    "distinguishable": distinguishable(difference, p_holm),
                    "verdict": verdict(difference, p_holm, " ".join(first), " ".join(second)),
                }
            )
    return pd.DataFrame(rows)


def summary(accuracy: pd.DataFrame, tests: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers that captions quote, of the headline scorer, and the three sentences that answer the study.

    `detectable`: the smallest difference that this many questions show with 80 % power, where models disagree on as
    many of them as the trained ones did on average; None where no difference would be found.
    """
    headline = accuracy[accuracy["scorer"] == HEADLINE].sort_values("accuracy", ascending=False)
    # A column with a None holds it as NaN, which is no JSON.
    paired = tests[tests["scorer"] == HEADLINE].astype(object).where(tests.notna(), None).to_dict("records")
    questions = int(headline["questions"].iloc[0])
    trained = [row for row in paired if not row["first"].endswith(" base")] or paired
    share = float(np.mean([row["fixed"] + row["broken"] for row in trained])) / questions
    detectable = minimum_detectable_difference(questions, share)
    best = headline.iloc[0].to_dict()
    return {
        "scorer": HEADLINE,
        "questions": questions,
        "best": best,
        "models": headline.to_dict("records"),
        "tests": paired,
        "discordant_share": share,
        "detectable": None if math.isinf(detectable) else detectable,
        "answer": _in_words(best, paired, questions, detectable),
    }


def _in_words(best: dict[str, Any], paired: list[dict[str, Any]], questions: int, detectable: float) -> list[str]:
    name = f"{best['model']} {best['variant']}"
    accuracy, low, high = (100 * best[key] for key in ("accuracy", "accuracy_low", "accuracy_high"))
    rivals = [row for row in paired if name in (row["first"], row["second"])]
    beaten = [row for row in rivals if row["distinguishable"]]
    power = (
        "no difference reliably"
        if math.isinf(detectable)
        else f"differences from {100 * detectable:.1f} points on in four studies of five"
    )
    return [
        f"The highest accuracy is that of {name}: {accuracy:.1f} % of {questions} questions (95 % interval {low:.1f} "
        f"to {high:.1f}).",
        f"It is distinguishable from {len(beaten)} of the {len(rivals)} models that it was tested against: "
        + "; ".join(row["verdict"] for row in rivals)
        + ".",
        f"At the rate at which the trained models disagree, this many questions show {power}.",
    ]
