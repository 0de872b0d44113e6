from finintent.task.system import LINEAR_BASELINE, MAJORITY_BASELINE, System, main_systems, study_systems


def test_names_tell_who_answered_and_runs_where_it_lies():
    systems = {
        System("m", "base"): ("m base", "base"),
        System("m", "few_shot"): ("m few-shot", "few_shot"),
        System("m", "tuned", 500, 42): ("m tuned", "500-rows/seed-42"),
        System(LINEAR_BASELINE, "baseline", 500): (LINEAR_BASELINE, "500-rows"),
        System("claude", "zero_shot"): ("claude zero-shot", "zero_shot"),
    }
    assert {system: (system.name, system.run) for system in systems} == systems


def test_trained_are_tuned_models_and_the_linear_baseline():
    systems = study_systems(["m"], sizes=[500], seeds=[1], few_shot=True, zero_shot=["claude"])
    assert [system.name for system in systems if system.trained] == ["m tuned", LINEAR_BASELINE]
    assert [system.name for system in systems if system.constant] == [MAJORITY_BASELINE]


def test_a_study_has_every_size_under_every_seed():
    systems = study_systems(["m", "n"], sizes=[500, 100], seeds=[7, 8, 9], few_shot=False)
    assert len(set(systems)) == len(systems) == 2 * (1 + 2 * 3) + 2 + 1
    assert not [system for system in systems if system.variant == "few_shot"]


def test_the_main_run_has_the_first_size_and_the_first_seed():
    systems = study_systems(["m", "n"], sizes=[500, 100], seeds=[7, 8], few_shot=True, zero_shot=["claude"])
    assert main_systems(systems) == [
        System("m", "base"),
        System("m", "few_shot"),
        System("m", "tuned", 500, 7),
        System("n", "base"),
        System("n", "few_shot"),
        System("n", "tuned", 500, 7),
        System(LINEAR_BASELINE, "baseline", 500),
        System(MAJORITY_BASELINE, "baseline", 500),
        System("claude", "zero_shot"),
    ]
