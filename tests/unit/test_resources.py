"""The files of the default data set, as they are shipped."""

import pytest

from finintent.data.candidates import candidates_from_responses
from finintent.data.similarity import similarity
from finintent.errors import DataError
from finintent.task.questions import read_questions
from finintent.task.taxonomy import read_taxonomy
from tiny import ROOT

RESOURCES = ROOT / "resources/intent_understanding"
TAXONOMY = read_taxonomy(RESOURCES / "taxonomy.yaml")


def test_shipped_responses_give_1200_candidates_with_ids_of_their_own():
    rows = candidates_from_responses(RESOURCES / "recorded_responses.jsonl", "intent_understanding")
    assert len({row["id"] for row in rows}) == len(rows) == 1200
    with pytest.raises(DataError, match="no answers of the data set 'another', only of intent_understanding; name the"):
        candidates_from_responses(RESOURCES / "recorded_responses.jsonl", "another")


def test_shipped_evaluation_set_has_no_two_equal_questions():
    questions = [row["question"] for row in read_questions(RESOURCES / "eval.json", TAXONOMY, "问句:")]
    assert len(questions) == 235
    matrix = similarity(questions, questions)
    matrix[range(235), range(235)] = 0
    assert matrix.max() < 100
