from finintent.analysis.contrasts import planned_contrasts
from finintent.task.system import LINEAR_BASELINE, System, study_systems

SIZES = {"label": [500, 250, 100], "original": [250, 100], None: [500, 250, 100]}


def tuned(model: str, recipe: str | None, rows: int) -> System:
    return System(model, "tuned", recipe, rows)


def linear(rows: int) -> System:
    return System(LINEAR_BASELINE, "baseline", rows=rows)


def study(models: dict[str, list[str | None]]) -> list[System]:
    return study_systems(models, sizes=SIZES, seeds=[7, 8], few_shot=True, zero_shot=["claude"])


def test_what_is_tested_against_what():
    systems = study({"m": ["label", "original"], "n": ["label", "original"], "encoder": [None]})
    claude, encoder = System("claude", "zero_shot"), tuned("encoder", None, 500)
    m, n = (tuned(model, "label", 500) for model in "mn")
    expected = []
    expected += [
        (System(model, "base"), tuned(model, recipe, rows), f"tuning: {model}")
        for model in "mn"
        for recipe, rows in (("label", 500), ("original", 250))
    ]
    expected += [
        (linear(rows), tuned(model, recipe, rows), f"linear: {model}")
        for model in "mn"
        for recipe, rows in (("label", 500), ("original", 250))
    ]
    expected.append((linear(500), encoder, "linear: encoder"))
    expected += [(tuned(model, "label", 250), tuned(model, "original", 250), f"recipes: {model}") for model in "mn"]
    expected += [(m, n, "models"), (m, encoder, "models"), (n, encoder, "models")]
    expected += [(claude, system, "reference") for system in (m, n, encoder)]
    planned = planned_contrasts(systems, "label")
    assert [(contrast.first, contrast.second, contrast.family) for contrast in planned] == expected


def test_another_model_adds_no_test_to_the_families_of_a_model():
    def families(models: dict[str, list[str | None]]) -> list[str]:
        names = [contrast.family for contrast in planned_contrasts(study(models), "label")]
        return [name for name in names if name.endswith(": m")]

    alone = families({"m": ["label", "original"]})
    assert len(alone) == 5
    assert families({"m": ["label", "original"], "n": ["label", "original"]}) == alone


def test_recipes_that_share_no_size_are_not_tested_against_each_other():
    systems = study_systems(
        {"m": ["label", "original"]}, sizes={"label": [500], "original": [100], None: [500, 100]}, seeds=[1],
        few_shot=False,
    )  # fmt: skip
    assert {contrast.purpose for contrast in planned_contrasts(systems, "label")} == {"tuning", "linear"}
