import pandas as pd
import pytest

from finintent.analysis.answers import answer_table
from finintent.analysis.error_analysis import persona_slices, question_table, slices
from finintent.analysis.statistics import wilson
from finintent.errors import DataError
from finintent.task.prediction import Prediction
from finintent.task.system import LINEAR_BASELINE, MAJORITY_BASELINE, System

NAMES = {"a": "apples", "b": "bread"}


def predicted(*given: str) -> list[Prediction]:
    """Predictions of four questions, of which the gold labels are a, a, b, b."""
    return [
        Prediction(
            id=str(index),
            question="x" * (5 * index + 1),
            gold=gold,
            hard=index == 3,
            options={"A": "a", "B": "b"},
            text=None,
            log_probabilities={"a": -1.0 if answer == "a" else -2.0, "b": -1.0 if answer == "b" else -2.0},
        )
        for index, (gold, answer) in enumerate(zip("aabb", given, strict=True))
    ]


def answered(*given: str, **changes: object) -> pd.DataFrame:
    return answer_table([row.model_copy(update=changes) for row in predicted(*given)], NAMES)


ANSWERS = {
    System("m", "base"): answered("a", "a", "a", "b"),
    System("m", "tuned", "label", 4, 1): answered("a", "b", "a", "b"),
    System(LINEAR_BASELINE, "baseline", rows=4): answered("a", "a", "a", "b"),
    System(MAJORITY_BASELINE, "baseline", rows=4): answered("b", "b", "b", "b"),
}


def test_what_all_trained_models_miss_comes_first_and_is_suspect():
    table = question_table(ANSWERS)
    assert table["id"].tolist() == ["2", "1", "0", "3"]
    assert table["missed"].tolist() == [2, 1, 0, 0]
    assert table["answers"].tolist() == [1, 2, 1, 1]
    assert table["label_suspect"].tolist() == [True, False, False, False]
    assert table["m tuned (label, 4 rows)"].tolist() == ["a", "b", "a", "b"]
    assert table["p(m tuned (label, 4 rows))"].round(4).tolist() == [0.7311] * 4  # e^-1 / (e^-1 + e^-2)


def test_slices_by_length_hardness_and_label():
    table = slices(ANSWERS).set_index(["model", "variant", "value"])
    assert table.loc[("m", "tuned", "a"), ["questions", "accuracy"]].tolist() == [2, 0.5]
    assert table.loc[("m", "tuned", "hard"), ["questions", "accuracy"]].tolist() == [1, 1.0]
    hard = table.loc[("m", "tuned", "hard")]
    assert (hard["accuracy_low"], hard["accuracy_high"]) == wilson(1, 1)
    lengths = table.sort_index().loc[("m", "tuned")].query("slice == 'length'")
    assert lengths.index.tolist() == ["7 to 11 characters", "more than 11 characters", "up to 6 characters"]
    assert lengths["questions"].sum() == 4


def test_a_constant_answer_says_nothing_of_a_question():
    assert not [name for name in question_table(ANSWERS) if MAJORITY_BASELINE in name]
    assert MAJORITY_BASELINE not in set(slices(ANSWERS)["model"])


def test_a_model_without_probabilities_answers_by_its_text():
    silent = answered("a", "a", "a", "a", text="B", log_probabilities=None)
    table = question_table(ANSWERS | {System("claude", "zero_shot"): silent}).set_index("id")
    assert table["claude zero-shot"].tolist() == ["b"] * 4
    assert table["p(claude zero-shot)"].isna().all()
    assert table.loc["2", "label_suspect"]  # it was not trained, and its answer counts for nothing here


def test_a_length_stands_in_the_slice_that_its_label_says():
    answers = answered(*"aaaa").assign(question=["x" * length for length in (5, 9, 12, 17)])
    table = slices({System("m", "tuned", "label", 9, 1): answers})
    found = table[table["slice"] == "length"].set_index("value")["questions"].to_dict()
    assert found == {"up to 9 characters": 2, "10 to 12 characters": 1, "more than 12 characters": 1}


def test_slices_by_persona_join_validation_rows_by_their_id():
    personas = {"0": "novice", "1": "trader", "2": "novice", "3": "novice"}
    table = persona_slices(ANSWERS, personas).set_index(["model", "variant", "value"])
    assert table.loc[("m", "tuned", "novice"), ["questions", "accuracy"]].tolist() == [3, pytest.approx(2 / 3)]
    assert table.loc[("m", "tuned", "trader"), ["questions", "accuracy"]].tolist() == [1, 0]
    columns = slices(ANSWERS).columns
    assert persona_slices(ANSWERS, dict.fromkeys(personas, "unknown")).empty
    assert list(persona_slices({}, personas).columns) == list(columns)
    assert pd.concat([slices(ANSWERS), table.reset_index()[columns]])[columns[5:]].notna().all(axis=None)
    with pytest.raises(DataError, match="m base: the validation row '1' is not in the curated"):
        persona_slices(ANSWERS, {"0": "novice", "y": "trader"})
