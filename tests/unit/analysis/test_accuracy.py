import pandas as pd
import pytest

from finintent.analysis.accuracy import accuracy_table, permutation_table
from finintent.analysis.comparison import summary
from finintent.analysis.metrics import permuted
from finintent.errors import DataError
from finintent.task.system import System
from predictions import M_BASE, M, changed, counted, measured_alone, pair_table, read, rows, shown


def test_one_order_says_nothing_of_others_and_a_mixture_is_refused():
    assert permuted(counted(1, 2)) is None
    with pytest.raises(DataError, match="in 1 orders of their options, others in 2"):
        permuted([shown("a", "a"), shown("a", "a", "b")])
    metrics = {M_BASE: measured_alone(counted(1, 2)), M: measured_alone([shown("a", "a", "b")])}
    assert permutation_table(metrics).values.tolist() == [["m tuned", "m", "tuned", 2, 1.0, 0.5, 0.0, 0.0]]
    assert permutation_table({M_BASE: metrics[M_BASE]}).empty
    answer = summary(accuracy_table(metrics), pd.DataFrame(), permutation_table(metrics))["answer"]
    assert answer[0].endswith("; in 2 orders of its options 50.0 % on average, 0.0 % at worst.")


def test_a_model_without_probabilities_is_scored_by_the_letter_it_names():
    silent = changed(rows(("a", "a"), ("a", None), ("b", "b")), log_probabilities=None)
    silent[2:] = changed(silent[2:], text="B, A股")  # which `original` reads as both letters
    assert read(silent, "loglikelihood") == read(silent, "greedy") == ["a", None, "b"]
    measured = measured_alone(silent)
    assert measured["headline"] == "greedy"
    assert list(measured["scorers"]) == ["greedy", "opencompass", "original"]
    assert (measured["calibration"], measured["permutations"]) == (None, None)
    claude = System("claude", "zero_shot")
    predictions = {M: counted(1, 3), claude: silent}
    accuracy = accuracy_table({system: measured_alone(given) for system, given in predictions.items()})
    assert accuracy[accuracy["headline"]]["scorer"].tolist() == ["loglikelihood", "greedy"]
    tests = pair_table({M: counted(2, 3), claude: silent[:2] + counted(1, 3)[2:]})
    assert set(tests["purpose"]) == {"reference"}
    result = summary(accuracy, tests, permutation_table({}))
    assert result["best"]["name"] == "m tuned"  # Claude has the higher accuracy, but is the reference
    assert [row["name"] for row in result["models"]] == ["claude zero-shot", "m tuned"]
