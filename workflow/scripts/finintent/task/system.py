"""The system that made a set of predictions: a model, its variant and recipe, its number of training rows, its seed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

LINEAR_BASELINE = "tfidf-logreg"
MAJORITY_BASELINE = "majority-class"
SYSTEM_COLUMNS = ("name", "model", "variant", "recipe", "rows")  # of every table with a row a system
SYSTEM_TYPES = {"recipe": "string", "rows": "Int64"}  # of those columns that may be missing


class System(NamedTuple):
    """What made a set of predictions.

    Attributes:
        model: id of the model or baseline.
        variant: base (asked as it is), few_shot (asked with examples in the prompt), tuned, baseline (not a language
            model) or zero_shot (asked through an API).
        recipe: id of the recipe that it was tuned by, None where there is none.
        rows: number of training rows, None where nothing was trained.
        seed: of the training, None where nothing was trained, for baselines, and for all runs together.
    """

    model: str
    variant: str
    recipe: str | None = None
    rows: int | None = None
    seed: int | None = None

    @property
    def label(self) -> str:
        """The variant as text: "few-shot", "tuned (label, 500 rows)"."""
        trained = [self.recipe] if self.recipe else []
        if self.rows is not None and not self.constant:
            trained.append(f"{self.rows} rows")
        text = self.variant.replace("_", "-")
        return f"{text} ({', '.join(trained)})" if trained else text

    @property
    def name(self) -> str:
        """The name in tables, without the seed: "gemma-3-270m tuned (label, 500 rows)"."""
        if self.variant == "baseline":
            return f"{self.model}{self.label.removeprefix('baseline')}"
        return f"{self.model} {self.label}"

    @property
    def series(self) -> str:
        """The name without the number of rows, of a curve over several: "gemma-3-270m tuned (label)"."""
        return self._replace(rows=None).name

    @property
    def key(self) -> tuple[str, str, str, str | None, int | None]:
        """The values of SYSTEM_COLUMNS."""
        return self.name, self.model, self.variant, self.recipe, self.rows

    @property
    def run(self) -> str:
        """The folder of its results below {model}/{dataset}."""
        if self.rows is None:
            return self.variant
        seed = None if self.seed is None else f"seed-{self.seed}"
        return "/".join(part for part in (self.recipe, f"{self.rows}-rows", seed) if part)

    @property
    def all_seeds(self) -> "System":
        """The runs with all seeds, as one system."""
        return self._replace(seed=None)

    @property
    def trained(self) -> bool:
        """Whether it was trained on the training rows; such systems are compared with each other."""
        return self.variant in ("tuned", "baseline") and not self.constant

    @property
    def constant(self) -> bool:
        """Whether it gives every question the same answer."""
        return self.model == MAJORITY_BASELINE


def study_systems(
    models: Mapping[str, Sequence[str | None]],
    *,
    sizes: Mapping[str | None, Sequence[int]],
    seeds: Sequence[int],
    few_shot: bool,
    zero_shot: Sequence[str] = (),
) -> list[System]:
    """Return all systems of a study, grouped by model.

    Args:
        models: the recipes of each model by its id, the main one first; a model that is not asked by prompts has the
            recipe None alone.
        sizes: numbers of training rows by recipe, in descending order; None is for what has no recipe.
        seeds: seeds of training; the first is that of the main run.
        few_shot: whether the base models are also asked with examples in the prompt.
        zero_shot: ids of the models that are asked through an API.
    """
    systems = []
    for model, recipes in models.items():
        if None not in recipes:
            systems += [System(model, variant) for variant in (["base", "few_shot"] if few_shot else ["base"])]
        systems += [
            System(model, "tuned", recipe, rows, seed) for recipe in recipes for rows in sizes[recipe] for seed in seeds
        ]
    systems += [System(LINEAR_BASELINE, "baseline", rows=rows) for rows in sizes[None]]
    systems.append(System(MAJORITY_BASELINE, "baseline", rows=sizes[None][0]))  # more rows do not change it
    return systems + [System(model, "zero_shot") for model in zero_shot]


def main_systems(systems: Sequence[System]) -> list[System]:
    """Return the first of each model, variant and recipe: its run with the most rows and the first seed."""
    return list({(system.model, system.variant, system.recipe): system for system in reversed(systems)}.values())[::-1]
