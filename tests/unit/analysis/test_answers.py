import pytest

from finintent.errors import DataError
from predictions import changed, compare, counted, read, rows, summarised_as, tied


def test_predictions_of_other_questions_are_refused():
    with pytest.raises(DataError, match="answer different questions"):
        compare(counted(1, 2), counted(1, 3))
    with pytest.raises(DataError, match="no predictions"):
        summarised_as([], "greedy")


def test_each_scorer_reads_the_same_raw_answer_in_its_own_way():
    row = changed(rows(("b", "a")), text="B. bread, not A.")
    found = {name: read(row, name)[0] for name in ("loglikelihood", "greedy", "opencompass", "original")}
    assert found == {"loglikelihood": "a", "greedy": "b", "opencompass": "a", "original": None}
    # The letter counts by the options that were shown.
    turned = changed(row, text="B", options={"A": "b", "B": "a"})
    assert read(turned, "greedy") == ["a"]


def test_a_classifier_is_scored_by_its_probabilities_throughout():
    silent = changed(rows(("a", "a"), ("a", "b")), text=None)
    for scorer in ("loglikelihood", "greedy", "opencompass", "original"):
        assert read(silent, scorer) == ["a", "b"]


def test_a_tie_is_no_answer_by_log_likelihood_whatever_the_text_says():
    assert read([tied("a"), tied("b")], "loglikelihood") == [None, None]
    assert read([tied("a"), tied("b")], "greedy") == ["a", "a"]
    assert read([tied("a", text=None)], "greedy") == [None]
