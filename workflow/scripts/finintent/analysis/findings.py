"""The study's answer: the numbers that captions quote, and the sentences that a reader sees first."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from finintent.analysis.comparison import TEST_COLUMNS, Comparison
from finintent.analysis.statistics import SIGNIFICANCE_LEVEL, minimum_detectable_difference
from finintent.analysis.tables import records
from finintent.analysis.verdict import evidence, verdict
from finintent.task.system import MAJORITY_BASELINE

# What a sentence names at most; all are in the table of tests.
MOST_NAMES, MOST_PAIRS = 5, 3
Row = dict[str, Any]  # of a table


@dataclass(frozen=True)
class Power:
    """What a study of this size detects.

    Attributes:
        difference: the smallest difference (0-1) that is detected with 80 % power, None if none is.
        disagreement: the share of the questions that two runs are assumed to disagree on.
        tests: the size of the family that the p value is assumed to be adjusted for.
    """

    difference: float | None
    disagreement: float
    tests: int


def summary(
    runs: pd.DataFrame,
    comparisons: Sequence[Comparison],
    *,
    permutations: pd.DataFrame,
    cost: pd.DataFrame,
    asked: dict[str, float],
) -> dict[str, Any]:
    """Return the numbers that captions quote and the sentences that answer the study.

    Args:
        runs: `seeds_and_sizes.run_table` of all systems.
        comparisons: `comparison.compared` of the planned contrasts.
        permutations: `accuracy.permutation_table`.
        cost: `cost.cost_table` of the jobs on the accelerator.
        asked: US dollars of a thousand questions by the id of a model behind an API.

    Returns:
        questions, their number; best, the row of the open model or baseline with the highest accuracy; models, the rows
        of all systems on their most training rows, best first; tests and permutations, the rows of these tables; power,
        a `Power`; answer, one paragraph an element.
    """
    rows = records(runs)
    most = {row["series"]: row["rows"] for row in sorted(rows, key=lambda row: row["rows"] or 0)}
    models = sorted((row for row in rows if row["rows"] == most[row["series"]]), key=lambda row: -row["mean"])
    own = [row for row in models if row["variant"] != "zero_shot" and row["model"] != MAJORITY_BASELINE]
    best = next(iter(own), models[0])
    tuned = next((row for row in own if row["variant"] == "tuned"), None)
    orders, power = records(permutations), _power(comparisons, best["questions"])
    means = {row["name"]: row["mean"] for row in rows}
    first = [_of_best(best, [row["name"] for row in own if row["mean"] == best["mean"] and row is not best], orders)]
    if tuned:
        first += [_of_best_tuned(tuned, orders)] if tuned is not best else []
        first += _of_gains(tuned, comparisons)
        first += _of_cost([row for row in records(cost) if row["name"] == tuned["name"]])
    others = [
        *_of_all_gains(comparisons),
        *_of_recipes(comparisons),
        *_of_models(comparisons, means),
        *_of_references(comparisons, means, asked),
    ]
    limits = [*_of_undecided(comparisons), _of_power(power, best["questions"])]
    return {
        "questions": best["questions"],
        "best": best,
        "models": models,
        "tests": [dict(zip(TEST_COLUMNS, done.row, strict=True)) for done in comparisons],
        "permutations": orders,
        "power": asdict(power),
        "answer": [" ".join(sentences) for sentences in (first, others, limits) if sentences],
    }


def _power(comparisons: Sequence[Comparison], questions: int) -> Power:
    """Return what the tests between trained systems detect; where there are none, what all tests detect."""
    trained = [done for done in comparisons if done.contrast.first.trained and done.contrast.second.trained]
    chosen = trained or comparisons
    disagreement = float(np.mean([done.disagreement for done in chosen])) if chosen else 0.0
    tests = max((done.tests for done in chosen), default=1)
    found = minimum_detectable_difference(questions, disagreement, alpha=SIGNIFICANCE_LEVEL / tests)
    return Power(None if math.isinf(found) else found, disagreement, tests)


def _of_best(best: Row, equals: list[str], orders: list[Row]) -> str:
    holder = f"{' and '.join([best['name'], *equals])} share" if equals else f"{best['name']} has"
    return (
        f"Of the open models and baselines, {holder} the highest accuracy: {100 * best['mean']:.1f} % of "
        f"{best['questions']} questions ({_interval(best)}){_of_orders(best, orders)}."
    )


def _of_best_tuned(tuned: Row, orders: list[Row]) -> str:
    return (
        f"The best tuned model is {tuned['name']}: {100 * tuned['mean']:.1f} % ({_interval(tuned)})"
        f"{_of_orders(tuned, orders)}."
    )


def _interval(row: Row) -> str:
    over = f"mean of {row['runs']} seeds, " if row["runs"] > 1 else ""
    return f"{over}95 % interval {100 * row['low']:.1f} to {100 * row['high']:.1f}"


def _of_orders(row: Row, orders: list[Row]) -> str:
    for shown in orders:
        if shown["name"] == row["name"]:
            return f"; with the options in the worst of {shown['orders']} orders {100 * shown['worst']:.1f} %"
    return ""


def _of_gains(tuned: Row, comparisons: Sequence[Comparison]) -> list[str]:
    """Return a sentence on a tuned model against its base and against the linear baseline."""
    references = {"tuning": "the same model untuned", "linear": f"the linear baseline on the same {tuned['rows']} rows"}
    found = [
        _against(done, references[done.contrast.purpose])
        for done in comparisons
        if done.contrast.purpose in references and done.contrast.second.name == tuned["name"]
    ]
    return [f"It is {', and '.join(found)}."] if found else []


def _against(done: Comparison, reference: str) -> str:
    points, shown = 100 * done.difference.estimate, evidence(done.difference, done.p_holm, done.tests)
    if not done.distinguishable:
        return f"not distinguishable from {reference} (difference {points:z.1f} points, {shown})"
    return (
        f"{abs(points):.1f} points {'better' if points > 0 else 'worse'} than {reference}, a real difference ({shown})"
    )


def _of_cost(runs: list[Row]) -> list[str]:
    """Return a sentence on what the answers and the training of a tuned model take, in the mean over its seeds."""
    seconds, usd, minutes = (
        np.mean([row[key] for row in runs]) if runs and None not in [row[key] for row in runs] else None
        for key in ("seconds_per_1000", "usd_per_1000", "training_minutes")
    )
    parts = []
    if seconds is not None:
        devices = " and ".join(dict.fromkeys(row["device"] for row in runs))
        price = "" if usd is None else f" ({usd:.4f} US dollars)"
        parts.append(f"a thousand questions take {seconds:.0f} seconds{price} on {devices}")
    if minutes is not None:
        parts.append(f"training took {minutes:.1f} minutes{' a run' if len(runs) > 1 else ''}")
    text = "; ".join(parts)
    return [f"{text[0].upper()}{text[1:]}."] if text else []


def _of_all_gains(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a sentence on how many tuned models are better than their base and the linear baseline."""
    tuning, linear = (
        [done.distinguishable and done.difference.estimate > 0 for done in comparisons if done.contrast.purpose == key]
        for key in ("tuning", "linear")
    )
    if len(linear) < 2:  # the first paragraph tells of it
        return []
    parts = [f"{sum(tuning)} of {len(tuning)} are better than the model untuned"] if tuning else []
    parts.append(f"{sum(linear)} of {len(linear)} are better than the linear baseline on the same rows")
    return [f"Of the tuned models, with each recipe counted, {' and '.join(parts)}."]


def _of_recipes(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a sentence on each recipe but the main one."""
    by_recipe = defaultdict(list)
    for done in comparisons:
        if done.contrast.purpose == "recipes":
            names = done.contrast.first.recipe, done.contrast.second.recipe
            by_recipe[names].append((done.contrast.second.model, done, done.difference.estimate))
    return [
        f"On the same rows, the recipe {other} is {_outcomes(found, main, 'for ')}."
        for (main, other), found in by_recipe.items()
    ]


def _of_models(comparisons: Sequence[Comparison], means: dict[str, float]) -> list[str]:
    """Return a sentence on the best of the models under the main recipe."""
    pairs = [done for done in comparisons if done.contrast.purpose == "models"]
    systems = {system.name: system for done in pairs for system in (done.contrast.first, done.contrast.second)}
    if not systems:
        return []
    leader = systems[max(systems, key=means.__getitem__)]
    found = [
        (done.contrast.first.model, done, done.difference.estimate)
        if done.contrast.second == leader
        else (done.contrast.second.model, done, -done.difference.estimate)
        for done in pairs
        if leader in (done.contrast.first, done.contrast.second)
    ]
    recipes = {system.recipe for system in systems.values()}
    encoders = " (an encoder has none)" if None in recipes else ""
    recipe = "".join(f" tuned by the recipe {recipe}{encoders}" for recipe in recipes if recipe)
    return [f"Of the {len(systems)} models{recipe}, {leader.model} is {_outcomes(found)}."]


def _outcomes(found: list[tuple[str, Comparison, float]], reference: str = "", link: str = "") -> str:
    """Return against whom something is better, worse and not distinguishable, each with its difference.

    Args:
        found: name, comparison and difference (0-1, above 0: better) of each.
        reference: what it is compared with in all of them; without it, the names are what it is compared with.
        link: what stands before the names.
    """
    groups = {"better than": [], "worse than": [], "not distinguishable from": []}
    for name, done, estimate in found:
        kind = (
            "not distinguishable from" if not done.distinguishable else "better than" if estimate > 0 else "worse than"
        )
        groups[kind].append(f"{name} ({100 * estimate:+z.1f} points)")
    parts = [
        " ".join(filter(None, (kind, reference, link.strip(), _listed(names))))
        for kind, names in groups.items()
        if names
    ]
    return ", and ".join(parts)


def _listed(names: list[str]) -> str:
    if len(names) > MOST_NAMES:
        names = [*names[:MOST_NAMES], f"{len(names) - MOST_NAMES} more"]
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]


def _of_references(comparisons: Sequence[Comparison], means: dict[str, float], asked: dict[str, float]) -> list[str]:
    """Return a sentence on each model behind an API against the best of the tuned models that it is tested against."""
    by_model = defaultdict(list)
    for done in comparisons:
        if done.contrast.purpose == "reference":
            by_model[done.contrast.first].append(done)
    sentences = []
    for reference, found in by_model.items():
        best = max(found, key=lambda done: means[done.contrast.second.name])
        second = best.contrast.second.name
        sentences.append(f"{verdict(best.difference, best.p_holm, reference.name, second, best.tests)}.")
        if reference.model in asked:
            sentences.append(f"A thousand questions to {reference.model} cost {asked[reference.model]:.2f} US dollars.")
    return sentences


def _of_undecided(comparisons: Sequence[Comparison]) -> list[str]:
    if len(comparisons) <= 2:  # the first paragraph tells of them
        return []
    same = [
        f"{done.contrast.second.name} and {done.contrast.first.name}"
        for done in comparisons
        if not done.distinguishable
    ]
    if not same:
        return [f"All {len(comparisons)} planned comparisons show a real difference."]
    more = [f"{len(same) - MOST_PAIRS} more in the table of tests"] if len(same) > MOST_PAIRS else []
    return [
        f"Of {len(comparisons)} planned comparisons, {len(same)} show no real difference: "
        f"{'; '.join([*same[:MOST_PAIRS], *more])}."
    ]


def _of_power(power: Power, questions: int) -> str:
    level = f"p < {SIGNIFICANCE_LEVEL:g}"
    if power.tests > 1:
        level += f" in a family of {power.tests} tests"
    assumed = f"between two runs that disagree on {100 * power.disagreement:.0f} % of the questions, at {level}"
    if power.difference is None:
        return f"With 80 % power, {questions} questions detect no difference {assumed}."
    return (
        f"The smallest difference that {questions} questions detect with 80 % power is {100 * power.difference:.1f} "
        f"points, {assumed}."
    )
