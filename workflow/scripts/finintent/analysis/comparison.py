"""The paired tests between systems, and the sentences that answer the study."""

import math
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from finintent.analysis.answers import LOG_LIKELIHOOD, SCORERS, aligned, given_answers
from finintent.analysis.statistics import (
    SIGNIFICANCE_LEVEL,
    cohen_kappa,
    holm,
    mcnemar_exact,
    minimum_detectable_difference,
    paired_bootstrap,
)
from finintent.analysis.tables import records
from finintent.analysis.verdict import distinguishable, verdict
from finintent.task.system import MAJORITY_BASELINE, System


def compared_pairs(systems: list[System]) -> list[tuple[System, System, str]]:
    """Return the pairs of systems that are tested against each other, each with its purpose.

    The purposes are: `tuning`, a base model against its tuned model; `prompting`, a base model with examples in its
    prompt against its tuned model; `untuned`, each pair of base models; `rivals`, each pair of systems that were
    trained on the task; `reference`, a zero-shot model behind an API against each tuned model. The majority baseline is
    not tested: that a model beats a constant answer is not a finding, and more tests would make the adjustment of the
    p values stricter for the others.
    """
    tuned = [system for system in systems if system.variant == "tuned"]
    purposes = {"base": "tuning", "few_shot": "prompting"}
    gains = [
        (first, second, purposes[first.variant])
        for second in tuned
        for first in systems
        if first.model == second.model and first.variant in purposes
    ]
    groups = {
        "untuned": [system for system in systems if system.variant == "base"],
        "rivals": [system for system in systems if system.trained],
    }
    pairs = [(first, second, purpose) for purpose, group in groups.items() for first, second in combinations(group, 2)]
    references = [(first, second, "reference") for first in systems if first.variant == "zero_shot" for second in tuned]
    return [*gains, *pairs, *references]


def paired_tests(systems: list[System], answers: dict[str, pd.DataFrame], *, seed: int) -> pd.DataFrame:
    """Return one row a pair of systems and scorer: the purpose of the pair and the result of `paired_rows`.

    Args:
        systems: those that are compared.
        answers: the answers table of each by its name.
        seed: of the bootstrap.
    """
    purposes = {(first.name, second.name): purpose for first, second, purpose in compared_pairs(systems)}
    return pd.DataFrame(
        {"first": row["first"], "second": row["second"], "purpose": purposes[row["first"], row["second"]]} | row
        for scorer in (SCORERS if purposes else ())
        for row in paired_rows(answers, list(purposes), scorer, seed=seed)
    )


def paired_rows(
    answers: dict[str, pd.DataFrame], pairs: list[tuple[str, str]], scorer: str, *, seed: int
) -> list[dict[str, Any]]:
    """Return one row a pair of systems.

    Args:
        answers: answers tables by name.
        pairs: names of the systems of each pair.
        scorer: how answers are read.
        seed: of the bootstrap.

    Returns:
        For each pair the exact McNemar test, its p value adjusted among the pairs (Holm), the difference of accuracies
        with its 95 % bootstrap interval, Cohen's kappa of the answers (None where it is not defined), and the verdict
        in a sentence.

    Raises:
        DataError: two systems did not answer the same questions.
    """
    right = aligned(answers, scorer)
    ordered = {name: table.set_index("id").loc[right.index] for name, table in answers.items()}
    given = {name: given_answers(table, scorer) for name, table in ordered.items()}
    tests = [mcnemar_exact(right[first], right[second]) for first, second in pairs]
    table = []
    for (first, second), test, p_holm in zip(pairs, tests, holm([test.p_value for test in tests]), strict=True):
        difference = paired_bootstrap(right[first], right[second], seed=seed)
        kappa = cohen_kappa(given[first], given[second])
        table.append(
            {
                "first": first,
                "second": second,
                "scorer": scorer,
                **asdict(test),
                "p_holm": float(p_holm),
                "difference": difference.estimate,
                "difference_low": difference.low,
                "difference_high": difference.high,
                "kappa": None if math.isnan(kappa) else kappa,
                "distinguishable": distinguishable(difference, p_holm),
                "verdict": verdict(difference, p_holm, first, second, len(pairs)),
            }
        )
    return table


def summary(accuracy: pd.DataFrame, tests: pd.DataFrame, permutations: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers that captions quote, by the headline scorer, and the sentences that answer the study.

    Args:
        accuracy: `accuracy.accuracy_table` of all systems.
        tests: `paired_tests` between them.
        permutations: `accuracy.permutation_table`.

    Returns:
        Among others `best`, the open model or baseline with the highest accuracy, without models behind an API and
        constant answers, and `detectable`, the smallest difference that this many questions detect with 80 % power
        (None if no difference would be detected). It assumes that two models disagree on the mean share of questions
        that the trained models disagree on, and that p is adjusted as the smallest p of all tests.
    """
    models = records(accuracy[accuracy["headline"]].sort_values("accuracy", ascending=False, kind="stable"))
    paired = records(tests[tests["scorer"] == LOG_LIKELIHOOD]) if len(tests) else []
    questions = models[0]["questions"]
    rivals = [row for row in paired if row["purpose"] == "rivals"] or paired
    share = float(np.mean([row["fixed"] + row["broken"] for row in rivals])) / questions if rivals else 0.0
    detectable = minimum_detectable_difference(questions, share, alpha=SIGNIFICANCE_LEVEL / max(len(paired), 1))
    open_models = [row for row in models if row["variant"] != "zero_shot" and row["model"] != MAJORITY_BASELINE]
    best = next(iter(open_models), models[0])
    equals = [row["name"] for row in open_models if row["correct"] == best["correct"] and row is not best]
    orders = records(permutations)
    return {
        "scorer": LOG_LIKELIHOOD,
        "questions": questions,
        "best": best,
        "models": models,
        "tests": paired,
        "permutations": orders,
        "discordant_share": share,
        "detectable": None if math.isinf(detectable) else detectable,
        "answer": _sentences(best, equals, paired, orders, questions, detectable),
    }


def _sentences(
    best: dict[str, Any],
    equals: list[str],
    paired: list[dict[str, Any]],
    orders: list[dict[str, Any]],
    questions: int,
    detectable: float,
) -> list[str]:
    name = best["name"]
    shown = next((row for row in orders if row["name"] == name), None)
    reordered = (
        f"; in {shown['orders']} orders of its options {100 * shown['mean']:.1f} % on average, "
        f"{100 * shown['worst']:.1f} % at worst"
        if shown
        else ""
    )
    accuracy, low, high = (100 * best[key] for key in ("accuracy", "accuracy_low", "accuracy_high"))
    gains = [row["verdict"] for row in paired if row["purpose"] == "tuning"]
    others = {
        row["second"] if row["first"] == name else row["first"]: row["distinguishable"]
        for row in paired
        if name in (row["first"], row["second"]) and row["purpose"] != "reference"
    }
    references = [row["verdict"] for row in paired if row["purpose"] == "reference" and name == row["second"]]
    similar = [other for other, differs in others.items() if not differs]
    excepted = f" (not from {', '.join(similar)})" if similar else ""
    power = (
        f"{questions} questions detect no difference with 80 % power"
        if math.isinf(detectable)
        else f"The smallest difference that {questions} questions detect with 80 % power is "
        f"{100 * detectable:.1f} points"
    )
    highest = f"{' and '.join([name, *equals])} share" if equals else f"{name} has"
    return [
        f"Of open models and baselines {highest} the highest accuracy: {accuracy:.1f} % of {questions} questions "
        f"(95 % interval {low:.1f} to {high:.1f}){reordered}.",
        *(["What tuning changed: " + "; ".join(gains) + "."] if gains else []),
        f"{name} is distinguishable from {len(others) - len(similar)} of the {len(others)} models that it was tested "
        f"against{excepted}. {power}." + "".join(f" {verdict}." for verdict in references),
    ]
