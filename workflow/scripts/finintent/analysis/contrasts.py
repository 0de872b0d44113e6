"""The contrasts of a study: which systems are tested against each other, planned before any result is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from finintent.task.system import LINEAR_BASELINE, System

PURPOSES = ("tuning", "linear", "recipes", "models", "reference")


@dataclass(frozen=True)
class Contrast:
    """Two systems that are tested against each other, each with all its training seeds.

    Attributes:
        first: the reference.
        second: what is compared with it.
        purpose: the question that it answers, one of PURPOSES.
        model: the model that the question is about, None where it is about all models.
    """

    first: System
    second: System
    purpose: str
    model: str | None = None

    @property
    def family(self) -> str:
        """The contrasts that answer one question, whose p values are adjusted together."""
        return self.purpose if self.model is None else f"{self.purpose}: {self.model}"


def planned_contrasts(systems: Sequence[System], main_recipe: str) -> list[Contrast]:
    """Return the contrasts of a study, in the order of PURPOSES.

    - `tuning`: each model tuned by each recipe, on the most rows, against the same model untuned.
    - `linear`: the same against the linear baseline on the same rows.
    - `recipes`: each other recipe of a model against the main one, on the most rows that both have.
    - `models`: each pair of models tuned by the main recipe, each on its most rows. A model without a recipe, such as a
      fine-tuned encoder, takes part.
    - `reference`: a model behind an API against each of those models.

    The first three are families of one model each, so that another model does not make the tests of the others
    stricter. What was not planned is not tested: the majority class, smaller sizes, untuned models among themselves.

    Args:
        systems: all runs of the study.
        main_recipe: the first of `study.recipes`.
    """
    known = list(dict.fromkeys(system.all_seeds for system in systems))
    sizes: dict[tuple[str, str | None], list[int]] = {}
    for system in known:
        if system.variant == "tuned":
            sizes.setdefault((system.model, system.recipe), []).append(system.rows)
    largest = [System(model, "tuned", recipe, max(rows)) for (model, recipe), rows in sizes.items()]
    contrasts = []
    for tuned in largest:
        bases = {"tuning": System(tuned.model, "base"), "linear": System(LINEAR_BASELINE, "baseline", rows=tuned.rows)}
        contrasts += [Contrast(base, tuned, purpose, tuned.model) for purpose, base in bases.items() if base in known]
        shared = {*sizes[tuned.model, tuned.recipe]} & {*sizes.get((tuned.model, main_recipe), [])}
        if tuned.recipe != main_recipe and shared:
            first, second = (tuned._replace(recipe=recipe, rows=max(shared)) for recipe in (main_recipe, tuned.recipe))
            contrasts.append(Contrast(first, second, "recipes", tuned.model))
    main = [tuned for tuned in largest if tuned.recipe in (main_recipe, None)]
    contrasts += [Contrast(first, second, "models") for first, second in combinations(main, 2)]
    zero_shot = [system for system in known if system.variant == "zero_shot"]
    contrasts += [Contrast(first, second, "reference") for first in zero_shot for second in main]
    return sorted(contrasts, key=lambda contrast: PURPOSES.index(contrast.purpose))
