from finintent.task.system import LINEAR_BASELINE, MAJORITY_BASELINE, System, main_systems, study_systems


def test_names_tell_who_answered_and_runs_where_it_lies():
    systems = {
        System("m", "base"): ("m base", "base"),
        System("m", "few_shot"): ("m few-shot", "few_shot"),
        System("m", "tuned", "label", 500, 42): ("m tuned (label, 500 rows)", "label/500-rows/seed-42"),
        System("encoder", "tuned", None, 500, 42): ("encoder tuned (500 rows)", "500-rows/seed-42"),
        System(LINEAR_BASELINE, "baseline", rows=500): (f"{LINEAR_BASELINE} (500 rows)", "500-rows"),
        System(MAJORITY_BASELINE, "baseline", rows=500): (MAJORITY_BASELINE, "500-rows"),
        System("claude", "zero_shot"): ("claude zero-shot", "zero_shot"),
    }
    assert {system: (system.name, system.run) for system in systems} == systems


def test_seeds_share_a_name_and_sizes_a_series():
    runs = [System("m", "tuned", "label", rows, seed) for rows in (500, 100) for seed in (1, 2)]
    assert len({run.all_seeds for run in runs}) == len({run.name for run in runs}) == 2
    assert {run.series for run in runs} == {"m tuned (label)"}
    assert System(LINEAR_BASELINE, "baseline", rows=500).series == LINEAR_BASELINE


def test_trained_are_tuned_models_and_the_linear_baseline():
    systems = study_systems(
        {"m": ["label"]}, sizes={"label": [500], None: [500]}, seeds=[1], few_shot=True, zero_shot=["claude"]
    )
    assert [system.model for system in systems if system.trained] == ["m", LINEAR_BASELINE]
    assert [system.name for system in systems if system.constant] == [MAJORITY_BASELINE]


SIZES = {"label": [500, 100], "original": [100], None: [500, 100]}


def test_a_study_has_every_recipe_on_its_sizes_under_every_seed():
    models = {model: ["label", "original"] for model in "mn"}
    systems = study_systems(models, sizes=SIZES, seeds=[7, 8, 9], few_shot=False)
    assert len(set(systems)) == len(systems) == 2 * (1 + 3 * 3) + 2 + 1
    assert not [system for system in systems if system.variant == "few_shot"]


def test_what_is_not_asked_by_prompts_has_neither_base_nor_recipe():
    systems = study_systems({"encoder": [None]}, sizes=SIZES, seeds=[7], few_shot=True)
    assert [system for system in systems if system.model == "encoder"] == [
        System("encoder", "tuned", None, 500, 7),
        System("encoder", "tuned", None, 100, 7),
    ]


def test_the_main_run_has_the_first_size_and_the_first_seed():
    systems = study_systems(
        {"m": ["label", "original"]}, sizes=SIZES, seeds=[7, 8], few_shot=True, zero_shot=["claude"]
    )
    assert main_systems(systems) == [
        System("m", "base"),
        System("m", "few_shot"),
        System("m", "tuned", "label", 500, 7),
        System("m", "tuned", "original", 100, 7),
        System(LINEAR_BASELINE, "baseline", rows=500),
        System(MAJORITY_BASELINE, "baseline", rows=500),
        System("claude", "zero_shot"),
    ]
