"""The sentences of the report's first paragraphs, from studies made by hand."""

import json

import pandas as pd
import pytest

from finintent.analysis.accuracy import permutation_table
from finintent.analysis.answers import answer_table
from finintent.analysis.contrasts import planned_contrasts
from finintent.analysis.findings import summary
from finintent.analysis.seeds_and_sizes import run_table
from finintent.analysis.statistics import minimum_detectable_difference
from finintent.task.system import MAJORITY_BASELINE, System
from predictions import LINEAR, M_BASE, NAMES, M, N, compare_all, counted, measured_alone, shown

CLAUDE = System("claude", "zero_shot")
COST = pd.DataFrame(
    [(M.name, seed, 12.0 + seed, 30.0, 0.02, "a card") for seed in (1, 2)],
    columns=["name", "seed", "training_minutes", "seconds_per_1000", "usd_per_1000", "device"],
)


def summarised(predictions: dict, cost: pd.DataFrame = COST[:0], **asked: float) -> dict:
    contrasts = planned_contrasts(list(predictions), "label")
    answers = {system: answer_table(given, NAMES) for system, given in predictions.items()}
    runs = run_table(answers, contrasts, seed=0)
    orders = permutation_table({system: measured_alone(given) for system, given in predictions.items()})
    found = summary(runs, compare_all(predictions), permutations=orders, cost=cost, asked=asked)
    json.dumps(found, allow_nan=False)
    return found


def test_the_first_paragraph_names_the_best_its_gains_and_its_cost():
    predictions = {M_BASE: counted(20, 75), M: counted(64, 75), LINEAR: counted(60, 75)}
    first, limits = summarised(predictions, COST[:1])["answer"]
    assert first.startswith(
        "Of the open models and baselines, m tuned (label, 500 rows) has the highest accuracy: 85.3 % of 75 questions "
        "(95 % interval 75.6 to 91.6). It is 58.7 points better than the same model untuned, a real difference (95 % "
    )
    assert ", and not distinguishable from the linear baseline on the same 500 rows (difference 5.3 points, " in first
    assert first.endswith(
        " A thousand questions take 30 seconds (0.0200 US dollars) on a card; training took 13.0 minutes."
    )
    assert limits.startswith("With 80 % power, 75 questions detect no difference between two runs that disagree on 5 %")


def test_seeds_are_in_the_mean_and_training_is_told_a_run():
    predictions = {M_BASE: counted(2, 9), M: counted(6, 9), M._replace(seed=2): counted(8, 9)}
    first = summarised(predictions, COST)["answer"][0]
    assert "has the highest accuracy: 77.8 % of 9 questions (mean of 2 seeds, 95 % interval " in first
    assert first.endswith("training took 13.5 minutes a run.")


def test_a_price_that_is_not_known_is_not_told():
    unknown = COST[:1].assign(usd_per_1000=float("nan"))
    assert "A thousand questions take 30 seconds on a card;" in summarised({M: counted(2, 3)}, unknown)["answer"][0]


def test_a_baseline_that_no_model_beats_comes_first_and_the_best_tuned_model_second():
    first = summarised({M_BASE: counted(2, 75), M: counted(50, 75), LINEAR: counted(70, 75)})["answer"][0]
    assert "baselines, tfidf-logreg (500 rows) has the highest accuracy: 93.3 %" in first
    assert ". The best tuned model is m tuned (label, 500 rows): 66.7 % (95 % interval " in first
    assert "and 26.7 points worse than the linear baseline on the same 500 rows, a real difference" in first


def test_the_worst_order_of_the_options_stands_beside_the_accuracy():
    found = summarised({M: [shown("a", "a", "b")]})
    assert "; with the options in the worst of 2 orders 0.0 %." in found["answer"][0]
    assert found["permutations"][0]["own"] == 1


def test_models_with_the_same_accuracy_share_the_first_place():
    answer = summarised({M: counted(4, 5), N: counted(4, 5)})["answer"]
    assert "baselines, m tuned (label, 500 rows) and n tuned (label, 500 rows) share the highest accuracy" in answer[0]


def test_a_constant_answer_and_a_model_behind_an_api_are_never_the_best():
    constant = System(MAJORITY_BASELINE, "baseline", rows=500)
    found = summarised({constant: counted(5, 5), CLAUDE: counted(5, 5), M: counted(3, 5)})
    assert found["best"]["name"] == M.name
    assert [row["name"] for row in found["models"]] == [constant.name, CLAUDE.name, M.name]


def test_recipes_models_and_references_have_a_sentence_each():
    original, o = M._replace(recipe="original"), System("o", "tuned", "label", 500, 1)
    found = summarised(
        {
            M_BASE: counted(20, 235), M: counted(200, 235), original: counted(100, 235),
            System("n", "base"): counted(20, 235), N: counted(150, 235),
            N._replace(recipe="original"): counted(151, 235), o: counted(198, 235),
            LINEAR: counted(160, 235), CLAUDE: counted(230, 235),
        },
        claude=1.234,
    )  # fmt: skip
    others, limits = found["answer"][1:]
    assert others.startswith(
        "Of the tuned models, with each recipe counted, 4 of 4 are better than the model untuned and 2 of 5 are better "
        "than the linear baseline on the same rows. On the same rows, the recipe original is worse than label for m "
        "(-42.6 points), and not distinguishable from label for n (+0.4 points). Of the 3 models tuned by the recipe "
        "label, m is better than n (+21.3 points), and not distinguishable from o (+0.9 points). m tuned (label, 500 "
        "rows) is 12.8 points worse than claude zero-shot (95 % interval "
    )
    assert others.endswith(" A thousand questions to claude cost 1.23 US dollars.")
    same = [row for row in found["tests"] if not row["distinguishable"]]
    assert limits.startswith(f"Of {len(found['tests'])} planned comparisons, {len(same)} show no real difference: ")
    assert "n tuned (original, 500 rows) and n tuned (label, 500 rows)" in limits


def test_smaller_sizes_are_not_the_best():
    small = M._replace(rows=100)
    found = summarised({M: counted(3, 5), small: counted(5, 5)})
    assert found["best"]["name"] == M.name
    assert small.name not in [row["name"] for row in found["models"]]


def test_the_detectable_difference_assumes_the_largest_family_of_tests_between_trained_systems():
    o = System("o", "tuned", "label", 500, 1)
    found = summarised({M: counted(200, 235), N: counted(100, 235), o: counted(150, 235), CLAUDE: counted(230, 235)})
    power = found["power"]
    assert power["tests"] == 3
    assert power["disagreement"] == pytest.approx(2 * 100 / 235 / 3)
    assert power["difference"] == minimum_detectable_difference(235, power["disagreement"], alpha=0.05 / 3)
    points = f"{100 * power['difference']:.1f} points, between two runs that disagree on 28 % of the questions"
    assert found["answer"][-1].endswith(f"{points}, at p < 0.05 in a family of 3 tests.")


def test_a_study_too_small_for_any_difference_says_so():
    assert "With 80 % power, 5 questions detect no difference" in summarised({M: counted(3, 5)})["answer"][-1]
