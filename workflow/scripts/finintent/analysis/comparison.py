"""Paired tests: of the planned contrasts of a study, and of any two sets of answers."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from finintent.analysis.answers import aligned, given_answers, right_by_system
from finintent.analysis.contrasts import Contrast
from finintent.analysis.statistics import (
    Interval,
    clustered_interval,
    cohen_kappa,
    holm,
    mcnemar_exact,
    paired_bootstrap,
    randomisation_test,
)
from finintent.analysis.verdict import distinguishable, verdict
from finintent.task.system import System

TEST_COLUMNS = (
    "first", "second", "purpose", "family", "tests", "fixed", "broken", "disagreement", "p_value", "p_holm",
    "difference", "difference_low", "difference_high", "distinguishable", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """The result of one contrast, over all training seeds of both systems.

    Attributes:
        contrast: the two systems.
        tests: number of tests in its family.
        fixed: questions that the second system answers right more often than the first.
        broken: the reverse.
        disagreement: share of the questions that one run of the first system and one of the second, with the same
            seed, do not both have right or wrong.
        p_value: of `statistics.randomisation_test`.
        p_holm: the same, adjusted within the family (Holm).
        difference: accuracy of the second minus that of the first, with its 95 % interval over seeds and questions.
    """

    contrast: Contrast
    tests: int
    fixed: int
    broken: int
    disagreement: float
    p_value: float
    p_holm: float
    difference: Interval

    @property
    def distinguishable(self) -> bool:
        """Whether the two systems differ, by the test and by the interval."""
        return distinguishable(self.difference, self.p_holm)

    @property
    def row(self) -> tuple[Any, ...]:
        """The values of TEST_COLUMNS."""
        first, second = self.contrast.first.name, self.contrast.second.name
        return (
            first, second, self.contrast.purpose, self.contrast.family, self.tests,
            self.fixed, self.broken, self.disagreement, self.p_value, self.p_holm, *self.difference,
            self.distinguishable, verdict(self.difference, self.p_holm, first, second, self.tests),
        )  # fmt: skip


def compared(contrasts: Sequence[Contrast], answers: dict[System, pd.DataFrame], *, seed: int) -> list[Comparison]:
    """Return the result of each contrast, by the headline scorer.

    Args:
        contrasts: of the study.
        answers: the answers table of each run.
        seed: of the bootstrap.

    Raises:
        DataError: two runs did not answer the same questions.
    """
    right = right_by_system(answers)
    tests = [randomisation_test(right[contrast.first], right[contrast.second]) for contrast in contrasts]
    families = defaultdict(list)
    for place, contrast in enumerate(contrasts):
        families[contrast.family].append(place)
    adjusted = {
        place: float(p_holm)
        for places in families.values()
        for place, p_holm in zip(places, holm([tests[place].p_value for place in places]), strict=True)
    }
    results = []
    for place, (contrast, test) in enumerate(zip(contrasts, tests, strict=True)):
        first, second = right[contrast.first], right[contrast.second]
        # Runs with the same seed are paired; a system without seeds stands against each of the other's.
        differences = second.astype(float) - first.astype(float)
        results.append(
            Comparison(
                contrast=contrast,
                tests=len(families[contrast.family]),
                **asdict(test),
                disagreement=float(abs(differences).mean()),
                p_holm=adjusted[place],
                difference=paired_bootstrap(first[0], second[0], seed=seed)
                if len(differences) == 1
                else Interval(*clustered_interval(differences, seed=seed)),
            )
        )
    return results


def contrast_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Return one row a comparison, with the columns TEST_COLUMNS."""
    return pd.DataFrame([comparison.row for comparison in comparisons], columns=TEST_COLUMNS)


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
