import pytest

from finintent.analysis.accuracy import accuracy_table, permutation_table
from finintent.analysis.metrics import permuted
from finintent.errors import DataError
from finintent.task.system import System
from predictions import M_BASE, M, changed, compare_all, counted, measured_alone, read, rows, shown, tied


def test_one_order_says_nothing_of_others_and_a_mixture_is_refused():
    assert permuted(counted(1, 2)) is None
    with pytest.raises(DataError, match="in 1 orders of their options, others in 2"):
        permuted([shown("a", "a"), shown("a", "a", "b")])
    metrics = {M_BASE: measured_alone(counted(1, 2)), M: measured_alone([shown("a", "a", "b")])}
    assert permutation_table(metrics).values.tolist() == [
        [M.name, "m", "tuned", "label", 500, 2, 1.0, 0.5, 0.0, 0.0, 0]
    ]
    assert permutation_table({M_BASE: metrics[M_BASE]}).empty


def test_the_worst_order_is_the_one_with_the_lowest_mean_over_the_seeds():
    metrics = {
        M: measured_alone([shown("a", "a", "b", "b"), shown("a", "a", "a", "b")]),  # 1, 1/2, 0
        M._replace(seed=2): measured_alone([shown("a", "a", "b", "a"), shown("a", "a", "b", "a")]),  # 1, 0, 1
    }
    (row,) = permutation_table(metrics).to_dict("records")
    assert (row["own"], row["worst"], row["consistency"]) == (1, 0.25, 0)
    assert row["mean"] == pytest.approx((1 + 0.25 + 0.5) / 3)


def test_the_accuracy_table_has_main_runs_alone():
    runs = {M: counted(1, 3), M._replace(seed=2): counted(2, 3), M._replace(rows=100): counted(3, 3)}
    table = accuracy_table({system: measured_alone(given) for system, given in runs.items()})
    assert set(table["name"]) == {M.name}
    assert set(table["correct"]) == {1}


def test_a_model_without_probabilities_is_scored_by_the_letter_it_names():
    silent = changed(rows(("a", "a"), ("a", None), ("b", "b")), log_probabilities=None)
    silent[2:] = changed(silent[2:], text="B, A股")  # which `original` reads as both letters
    assert read(silent, "loglikelihood") == read(silent, "greedy") == ["a", None, "b"]
    measured = measured_alone(silent)
    assert measured["headline"] == "greedy"
    assert list(measured["scorers"]) == ["greedy", "opencompass", "original"]
    assert (measured["calibration"], measured["permutations"]) == (None, None)
    claude = System("claude", "zero_shot")
    accuracy = accuracy_table({M: measured_alone(counted(1, 3)), claude: measured})
    assert accuracy[accuracy["headline"]]["scorer"].tolist() == ["loglikelihood", "greedy"]
    (done,) = compare_all({M: counted(1, 3), claude: silent[:2] + counted(1, 3)[2:]})
    assert (done.contrast.purpose, done.fixed, done.broken) == ("reference", 0, 0)


def test_ties_are_in_both_tables():
    metrics = {M: measured_alone([tied("a"), shown("b", "b")]), M._replace(seed=2): measured_alone([tied("a")])}
    assert accuracy_table(metrics).set_index("scorer")["ties"].to_dict() == {
        "loglikelihood": 1, "greedy": 0, "opencompass": 0, "original": 0,
    }  # fmt: skip
    orders = {
        M: measured_alone([shown("a", "a", None), shown("b", "b", None)]),
        M._replace(seed=2): measured_alone([shown("a", "a", None), shown("b", "b", "b")]),
    }
    assert permutation_table(orders)["ties"].tolist() == [3]
