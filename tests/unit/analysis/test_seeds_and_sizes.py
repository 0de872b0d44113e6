import numpy as np
import pandas as pd
import pytest

from finintent.analysis.answers import answer_table
from finintent.analysis.contrasts import Contrast
from finintent.analysis.seeds_and_sizes import (
    OVER_QUESTIONS,
    OVER_SEEDS,
    learning_curve,
    run_table,
    sentences,
)
from finintent.analysis.statistics import clustered_interval, wilson
from finintent.errors import DataError
from finintent.task.prediction import Prediction
from finintent.task.system import LINEAR_BASELINE, MAJORITY_BASELINE, System

NAMES = {"a": "apples", "b": "bread"}
# Whether each of eight questions is answered right, by system.
RIGHT = {
    System("m", "base"): "10000000",
    System("m", "tuned", "label", 500, 1): "11110000",
    System("m", "tuned", "label", 500, 2): "11111100",
    System("m", "tuned", "label", 100, 1): "11000000",
    System(LINEAR_BASELINE, "baseline", rows=100): "10101010",
    System(MAJORITY_BASELINE, "baseline", rows=500): "00000011",
}
CONTRASTS = [Contrast(System("m", "base"), System("m", "tuned", "label", 500), "tuning", "m")]


def answers(right: str, order: int = 1) -> pd.DataFrame:
    rows = [
        Prediction(
            id=str(number),
            gold="a",
            options={"A": "a", "B": "b"},
            text=None,
            log_probabilities={"a": -1.0, "b": -2.0 if good else -0.5},
        )
        for number, good in enumerate(digit == "1" for digit in right)
    ]
    return answer_table(rows[::order], NAMES)


def run_tables(right: dict[System, str]) -> pd.DataFrame:
    return run_table({system: answers(digits) for system, digits in right.items()}, CONTRASTS, seed=0)


@pytest.fixture
def runs():
    return run_tables(RIGHT)


def test_seeds_of_one_size_are_one_row(runs):
    table = runs.set_index(["model", "variant", "rows"])
    assert table["interval"].tolist() == [OVER_QUESTIONS, OVER_SEEDS, *[OVER_QUESTIONS] * 3]
    tuned = table.loc[("m", "tuned", 500)]
    assert tuned[["name", "series"]].tolist() == ["m tuned (label, 500 rows)", "m tuned (label)"]
    assert tuned[["seeds", "runs", "questions", "mean", "min", "max"]].tolist() == ["1 2", 2, 8, 0.625, 0.5, 0.75]
    right = np.array([[digit == "1" for digit in RIGHT["m", "tuned", "label", 500, seed]] for seed in (1, 2)])
    assert (tuned["mean"], tuned["low"], tuned["high"]) == clustered_interval(right, seed=0)
    assert table["compared"].tolist() == [True, True, False, False, False]
    assert table["seeds"].isna().tolist() == [True, False, False, True, True]


def test_the_interval_of_one_run_is_that_of_the_accuracy_table(runs):
    one = runs.set_index(["model", "variant", "rows"]).loc[("m", "tuned", 100)]
    assert (one["low"], one["high"]) == wilson(2, 8)


def test_the_learning_curve_rises_in_rows_and_leaves_the_constant_out(runs):
    curve = learning_curve(runs)
    assert curve[["model", "rows"]].values.tolist() == [["m", 100], ["m", 500], [LINEAR_BASELINE, 100]]


def test_each_recipe_has_a_curve_of_its_own():
    other = {system._replace(recipe="original"): right for system, right in RIGHT.items() if system.recipe}
    curve = learning_curve(run_tables(RIGHT | other))
    assert curve["series"].tolist() == [*["m tuned (label)"] * 2, LINEAR_BASELINE, *["m tuned (original)"] * 2]


def test_sentences_say_of_how_many_seeds_they_tell(runs):
    texts = sentences(runs)
    (several,) = texts["seeds"]
    name = "m tuned (label, 500 rows)"
    assert several.startswith(f"{name}: 2 seeds (1, 2), mean 62.5 % (95 % interval over seeds and questions ")
    assert several.endswith("from 50.0 to 75.0 %.")
    assert texts["learning_curve"] == [
        "m tuned (label): 25.0 % with 100 rows, 62.5 % with 500 rows.",
        f"{LINEAR_BASELINE}: 50.0 % with 100 rows.",
    ]
    (one,) = sentences(runs[runs["rows"] == 100])["seeds"]
    assert one.startswith("m tuned (label, 100 rows): one seed (1), 25.0 % (")
    assert "not another training" in one


def test_the_order_of_questions_in_a_file_does_not_matter(runs):
    turned = {system: answers(right, order=-1 if system.seed == 2 else 1) for system, right in RIGHT.items()}
    assert run_table(turned, CONTRASTS, seed=0).equals(runs)


@pytest.mark.parametrize("odd", [System("m", "tuned", "label", 500, 2), System("m", "tuned", "label", 100, 1)])
def test_runs_on_other_questions_are_refused(odd):
    given = {system: right + "1" * (system == odd) for system, right in RIGHT.items()}
    with pytest.raises(DataError, match=rf"m base and m tuned \(label, {odd.rows} rows\), seed {odd.seed} answer diff"):
        run_tables(given)
