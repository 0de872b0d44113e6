import json
import math

import pandas as pd
import pytest
from scipy.stats import binomtest

from finintent.analysis.accuracy import accuracy_table, permutation_table
from finintent.analysis.answers import answer_table, given_answers
from finintent.analysis.calibration import fit_temperature
from finintent.analysis.comparison import compared_pairs, paired_rows, paired_tests, summary
from finintent.analysis.metrics import calibrate, measure, permuted, summarise, temperature
from finintent.analysis.statistics import minimum_detectable_difference
from finintent.errors import DataError
from finintent.task.prediction import Order, Prediction
from finintent.task.system import LINEAR_BASELINE, MAJORITY_BASELINE, System

NAMES = {"a": "apples", "b": "bread"}
OPTIONS = {"A": "a", "B": "b"}
M_BASE, M, N = System("m", "base"), System("m", "tuned", 500, 1), System("n", "tuned", 500, 1)


def rows(*pairs: tuple[str, str | None]) -> list[Prediction]:
    letters = {code: letter for letter, code in OPTIONS.items()}
    return [
        Prediction(
            id=str(index),
            gold=gold,
            options=OPTIONS,
            text=letters.get(label, "neither"),
            log_probabilities={code: -0.1 if code == label else -3.0 for code in NAMES},
        )
        for index, (gold, label) in enumerate(pairs)
    ]


def counted(correct: int, total: int) -> list[Prediction]:
    return rows(*[("a", "a")] * correct, *[("a", "b")] * (total - correct))


def changed(given: list[Prediction], **changes: object) -> list[Prediction]:
    return [row.model_copy(update=changes) for row in given]


def read(given: list[Prediction], scorer: str) -> list[str | None]:
    return given_answers(answer_table(given, NAMES), scorer)


def measured_alone(given: list[Prediction], validation: list[Prediction] = []) -> dict:  # noqa: B006
    return measure(given, answer_table(given, NAMES), validation, list(NAMES))


def summarised_as(given: list[Prediction], scorer: str) -> dict:
    return summarise(answer_table(given, NAMES), list(NAMES), scorer)


def pair_table(predictions: dict[System, list[Prediction]]) -> pd.DataFrame:
    answers = {system.name: answer_table(given, NAMES) for system, given in predictions.items()}
    return paired_tests(list(predictions), answers, seed=0)


def compare(first: list[Prediction], second: list[Prediction]) -> dict:
    answers = {"first": answer_table(first, NAMES), "second": answer_table(second, NAMES)}
    (row,) = paired_rows(answers, [("first", "second")], "greedy", seed=0)
    return row


# The original study by its counts of 75 questions: exact McNemar and Wilson.
@pytest.mark.parametrize(
    ("base", "fixed", "broken", "p_value", "low", "high"),
    [
        (64, 7, 5, 0.774, 78.7, 93.6),
        (53, 13, 0, 0.00024, 78.7, 93.6),
        (56, 11, 2, 0.022, 77.2, 92.6),
        (37, 31, 4, 3.5e-6, 75.6, 91.6),
    ],
)
def test_published_statistics_follow_from_their_counts(base, fixed, broken, p_value, low, high):
    before = counted(base, 75)
    after = rows(*[("a", "a" if broken <= index < base + fixed else "b") for index in range(75)])
    test = compare(before, after)
    assert (test["fixed"], test["broken"]) == (fixed, broken)
    assert test["p_value"] == pytest.approx(p_value, rel=0.05)
    assert test["p_value"] == pytest.approx(binomtest(fixed, fixed + broken).pvalue, abs=1e-12)
    metrics = summarised_as(after, "greedy")
    assert (100 * metrics["accuracy_low"], 100 * metrics["accuracy_high"]) == pytest.approx((low, high), abs=0.05)


def test_wilson_interval_is_the_formula():
    metrics = summarised_as(counted(188, 235), "greedy")
    p, n, z = 188 / 235, 235, 1.959963984540054
    centre, half = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    expected = ((centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n))
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == pytest.approx(expected, abs=1e-12)


def test_unparsable_answers_are_counted_and_wrong():
    metrics = summarised_as(rows(("a", "a"), ("a", None), ("b", None), ("b", "a")), "greedy")
    assert metrics["accuracy"] == 0.25
    assert metrics["parsed"] == 0.5
    assert metrics["confusion"] == [[1, 0, 1], [1, 0, 1]]
    assert {code: scores["recall"] for code, scores in metrics["per_class"].items()} == {"a": 0.5, "b": 0.0}
    assert metrics["per_class"]["b"]["support"] == 2


def test_equal_predictions_are_not_distinguishable():
    assert compare(counted(3, 5), counted(3, 5))["p_value"] == 1


def test_predictions_of_other_questions_are_refused():
    with pytest.raises(DataError, match="answer different questions"):
        compare(counted(1, 2), counted(1, 3))
    with pytest.raises(DataError, match="no predictions"):
        summarised_as([], "greedy")


def test_each_scorer_reads_the_same_raw_answer_in_its_own_way():
    row = changed(rows(("b", "a")), text="B. bread, not A.")
    found = {name: read(row, name)[0] for name in ("loglikelihood", "greedy", "opencompass", "original")}
    assert found == {"loglikelihood": "a", "greedy": None, "opencompass": "a", "original": None}
    # The letter counts by the options that were shown.
    turned = changed(row, text="B", options={"A": "b", "B": "a"})
    assert read(turned, "greedy") == ["a"]


def test_a_classifier_is_scored_by_its_probabilities_throughout():
    silent = changed(rows(("a", "a"), ("a", "b")), text=None)
    for scorer in ("loglikelihood", "greedy", "opencompass", "original"):
        assert read(silent, scorer) == ["a", "b"]


def test_calibration_by_hand():
    measured = calibrate(rows(("a", "a"), ("a", "b")), ["a", "b"])
    sure = math.exp(-0.1) / (math.exp(-0.1) + math.exp(-3.0))
    assert measured["confidence"] == pytest.approx(sure)
    assert measured["ece"] == pytest.approx(sure - 0.5)
    assert measured["log_loss"] == pytest.approx(-(math.log(sure) + math.log(1 - sure)) / 2)
    assert measured["brier"] == pytest.approx((2 * (1 - sure) ** 2 + 2 * sure**2) / 2)


def test_calibration_by_hand_after_scaling():
    measured = calibrate(rows(("a", "a"), ("a", "b")), ["a", "b"], temperature=2.0)
    sure = math.exp(-0.05) / (math.exp(-0.05) + math.exp(-1.5))
    assert measured["temperature"] == 2.0
    assert measured["scaled"]["confidence"] == pytest.approx(sure)
    assert measured["scaled"]["ece"] == pytest.approx(sure - 0.5)
    assert measured["confidence"] > sure


def test_the_temperature_is_fitted_on_validation_rows_alone():
    evaluation, validation = counted(1, 5), counted(4, 5)
    assert measured_alone(evaluation, validation)["calibration"]["temperature"] == pytest.approx(
        fit_temperature([[-0.1, -3.0]] * 4 + [[-3.0, -0.1]], [0] * 5), rel=1e-6
    )


def test_there_is_no_temperature_where_there_is_nothing_to_fit_it_on():
    constant = changed(rows(("a", "a"), ("b", "a")), log_probabilities={"a": -0.5, "b": -1.0})
    silent = changed(counted(3, 5), log_probabilities=None)
    right = rows(("a", "a"), ("b", "b"))
    assert [temperature(given, ["a", "b"]) for given in ([], right, constant, silent)] == [None] * 4
    calibration = measured_alone(counted(3, 5))["calibration"]
    assert (calibration["temperature"], calibration["scaled"]) == (None, None)


def shown(gold: str, *labels: str) -> Prediction:
    """A prediction in as many orders of the options as there are answers."""
    first, *others = rows(*((gold, answer) for answer in labels))
    more = [Order(options={"A": "b", "B": "a"}, log_probabilities=row.log_probabilities) for row in others]
    return first.model_copy(update={"permutations": tuple(more)})


def test_permutations_count_each_order_and_equal_answers():
    measured = permuted([shown("a", "a", "a", "b"), shown("a", "a", "a", "a"), shown("b", "a", "a", "a")])
    assert measured["orders"] == 3
    assert measured["accuracy"] == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    assert measured["mean"] == pytest.approx(5 / 9)
    assert measured["worst"] == pytest.approx(1 / 3)
    assert measured["consistency"] == pytest.approx(2 / 3)  # the third is wrong, but always the same


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


def test_what_is_tested_against_what():
    linear, majority = System(LINEAR_BASELINE, "baseline", 500), System(MAJORITY_BASELINE, "baseline", 500)
    shots, claude = System("m", "few_shot"), System("claude", "zero_shot")
    assert compared_pairs([M_BASE, shots, M, N, linear, majority, claude]) == [
        (M_BASE, M, "tuning"),
        (shots, M, "prompting"),
        (M, N, "rivals"),
        (M, linear, "rivals"),
        (N, linear, "rivals"),
        (claude, M, "reference"),
        (claude, N, "reference"),
    ]


def test_tests_are_adjusted_for_their_number_and_worded_by_what_they_show():
    wide, close = counted(20, 75), counted(64, 75)
    tests = pair_table({M_BASE: wide, M: close, N: counted(60, 75)})
    table = tests[tests["scorer"] == "greedy"].set_index(["first", "second"])
    gain, rivals = table.loc[("m base", "m tuned")], table.loc[("m tuned", "n tuned")]
    assert (gain["fixed"], gain["broken"]) == (44, 0)
    assert "m tuned is 58.7 points better than m base" in gain["verdict"]
    assert rivals["p_value"] == 0.125
    assert rivals["p_holm"] == 0.125
    assert gain["p_holm"] == pytest.approx(2 * gain["p_value"])
    assert not rivals["distinguishable"]
    assert "not distinguishable" in rivals["verdict"]


def summarised(predictions: dict) -> dict:
    metrics = {system: measured_alone(given) for system, given in predictions.items()}
    return summary(accuracy_table(metrics), pair_table(predictions), permutation_table(metrics))


def test_an_agreement_that_is_not_defined_is_none_in_the_summary():
    # Both always give the same answer, so that agreement by chance is certain.
    result = summarised({M: counted(5, 5), N: counted(5, 5), System("o", "tuned", 500, 1): counted(3, 5)})
    kappas = [row["kappa"] for row in result["tests"]]
    assert kappas[0] is None
    assert kappas[1] == 0
    json.dumps(result, allow_nan=False)


def test_the_answer_in_sentences_claims_no_more_than_the_tests():
    result = summarised({M_BASE: counted(20, 75), M: counted(64, 75), N: counted(45, 75)})
    highest, tuning, power = result["answer"]
    assert "m tuned has the highest accuracy: 85.3 % of 75 questions" in highest
    assert "m tuned is 58.7 points better than m base" in tuning
    assert "distinguishable from 2 of the 2 models that it was tested against." in power
    assert f"detect with 80 % power is {100 * result['detectable']:.1f} points." in power
    alike = summarised({M_BASE: counted(62, 75), M: counted(64, 75)})["answer"]
    assert "m tuned and m base are not distinguishable" in alike[1]
    assert "distinguishable from 0 of the 1 models that it was tested against (not from m base)" in alike[2]
    assert "better" not in " ".join(alike)


def test_a_study_of_one_set_of_predictions_has_an_answer():
    assert "0 of the 0 models" in summarised({M: counted(3, 5)})["answer"][-1]


def test_models_with_as_many_right_share_the_highest_accuracy():
    answer = summarised({M: counted(4, 5), N: counted(4, 5)})["answer"]
    assert answer[0].startswith("Of open models and baselines m tuned and n tuned share the highest accuracy: 80.0 %")


def test_a_constant_answer_is_never_the_best():
    constant = System(MAJORITY_BASELINE, "baseline", 500)
    assert "m tuned has the highest" in summarised({constant: counted(5, 5), M: counted(3, 5)})["answer"][0]


def test_a_model_behind_an_api_is_compared_in_a_sentence_of_its_own():
    claude = System("claude", "zero_shot")
    last = summarised({M: counted(10, 60), claude: counted(60, 60)})["answer"][-1]
    assert "distinguishable from 0 of the 0 models" in last
    assert "m tuned is 83.3 points worse than claude zero-shot" in last


def test_base_models_are_tested_against_each_other():
    tests = summarised({M_BASE: counted(4, 5), System("n", "base"): counted(3, 5)})["tests"]
    assert [(row["first"], row["second"], row["purpose"]) for row in tests] == [("m base", "n base", "untuned")]


def test_the_detectable_difference_is_that_of_the_adjusted_tests():
    result = summarised({M: counted(200, 235), N: counted(100, 235), System("o", "tuned", 500, 1): counted(150, 235)})
    expected = minimum_detectable_difference(235, result["discordant_share"], alpha=0.05 / 3)
    assert result["detectable"] == expected > minimum_detectable_difference(235, result["discordant_share"])
