"""The system that made a set of predictions: a model, its variant, its number of training rows and its seed."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

LINEAR_BASELINE = "tfidf-logreg"
MAJORITY_BASELINE = "majority-class"
SYSTEM_COLUMNS = ("name", "model", "variant")  # of every table with a row a system


class System(NamedTuple):
    """What made a set of predictions.

    Attributes:
        model: id of the model or baseline.
        variant: base (asked as it is), few_shot (asked with examples in the prompt), tuned, baseline (not a language
            model) or zero_shot (asked through an API).
        rows: number of training rows, None where nothing was trained.
        seed: of the training, None where nothing was trained and for baselines.
    """

    model: str
    variant: str
    rows: int | None = None
    seed: int | None = None

    @property
    def label(self) -> str:
        """The variant as text: "few-shot"."""
        return self.variant.replace("_", "-")

    @property
    def name(self) -> str:
        """The name in tables, without rows and seed: "gemma-3-270m tuned"."""
        return self.model if self.variant == "baseline" else f"{self.model} {self.label}"

    @property
    def key(self) -> tuple[str, str, str]:
        """The values of SYSTEM_COLUMNS."""
        return self.name, self.model, self.variant

    @property
    def run(self) -> str:
        """The folder of its results below {model}/{dataset}."""
        if self.rows is None:
            return self.variant
        return f"{self.rows}-rows" + ("" if self.seed is None else f"/seed-{self.seed}")

    @property
    def constant(self) -> bool:
        """Whether it gives every question the same answer."""
        return self.model == MAJORITY_BASELINE

    @property
    def trained(self) -> bool:
        """Whether it was trained on the training rows; such systems are compared with each other."""
        return self.variant in ("tuned", "baseline") and not self.constant


def study_systems(
    models: Sequence[str], *, sizes: Sequence[int], seeds: Sequence[int], few_shot: bool, zero_shot: Sequence[str] = ()
) -> list[System]:
    """Return all systems of a study, grouped by model.

    Args:
        models: ids of the models that are tuned.
        sizes: numbers of training rows; the first is that of the main run.
        seeds: seeds of training; the first is that of the main run.
        few_shot: whether the base models are also asked with examples in the prompt.
        zero_shot: ids of the models that are asked through an API.
    """
    prompted = ["base", "few_shot"] if few_shot else ["base"]
    systems = []
    for model in models:
        systems += [System(model, variant) for variant in prompted]
        systems += [System(model, "tuned", rows, seed) for rows, seed in product(sizes, seeds)]
    systems += [System(LINEAR_BASELINE, "baseline", rows) for rows in sizes]
    systems.append(System(MAJORITY_BASELINE, "baseline", sizes[0]))  # more rows do not change it
    return systems + [System(model, "zero_shot") for model in zero_shot]


def main_systems(systems: Sequence[System]) -> list[System]:
    """Return the first of each model and variant: what the main tables, tests and figures compare."""
    return list({(system.model, system.variant): system for system in reversed(systems)}.values())[::-1]
