from finintent.error_analysis import question_table, slices
from finintent.statistics import wilson

NAMES = {"a": "apples", "b": "bread"}


def answered(*said: str) -> list[dict]:
    """Predictions of four questions, of which the gold labels are a, a, b, b."""
    return [
        {
            "id": str(index),
            "question": "x" * (5 * index + 1),
            "gold": gold,
            "hard": index == 3,
            "options": {"A": "a", "B": "b"},
            "text": None,
            "log_probabilities": {"a": -1.0 if answer == "a" else -2.0, "b": -1.0 if answer == "b" else -2.0},
        }
        for index, (gold, answer) in enumerate(zip("aabb", said, strict=True))
    ]


PREDICTIONS = {
    ("m", "base"): answered("a", "a", "a", "b"),
    ("m", "tuned"): answered("a", "b", "a", "b"),
    ("linear", "baseline"): answered("a", "a", "a", "b"),
}


def test_what_all_trained_models_miss_comes_first_and_is_suspect():
    table = question_table(PREDICTIONS)
    assert table["id"].tolist() == ["2", "1", "0", "3"]
    assert table["missed"].tolist() == [2, 1, 0, 0]
    assert table["answers"].tolist() == [1, 2, 1, 1]
    assert table["label_suspect"].tolist() == [True, False, False, False]
    assert table["m tuned"].tolist() == ["a", "b", "a", "b"]
    assert table["p(m tuned)"].round(4).tolist() == [0.7311] * 4  # e^-1 / (e^-1 + e^-2)


def test_slices_by_length_hardness_and_label():
    table = slices(PREDICTIONS, NAMES).set_index(["model", "variant", "value"])
    assert table.loc[("m", "tuned", "a"), ["questions", "accuracy"]].tolist() == [2, 0.5]
    assert table.loc[("m", "tuned", "hard"), ["questions", "accuracy"]].tolist() == [1, 1.0]
    hard = table.loc[("m", "tuned", "hard")]
    assert (hard["accuracy_low"], hard["accuracy_high"]) == wilson(1, 1)
    lengths = table.sort_index().loc[("m", "tuned")].query("slice == 'length'")
    assert lengths.index.tolist() == ["7 to 11 characters", "more than 11 characters", "up to 6 characters"]
    assert lengths["questions"].sum() == 4
