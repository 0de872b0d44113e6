import json
import math

import pytest

from finintent.data import quality
from finintent.data.quality import measure
from finintent.data.similarity import similarity
from finintent.errors import DataError
from finintent.task.text import normalise

QUESTIONS = ["zz", "Cdeh", "ab x"]
CODES = ["x", "y", "z"]
PERSONAS = ["p", "q", "r"]


def row(number: int, query: str, label: str, persona: str = "p", **more: object) -> dict:
    return {"id": str(number), "query": query, "label": label, "persona": persona, **more}


ROWS = [row(1, "aab!", "x"), row(2, "ab", "x", "q"), row(3, "cdef", "y"), row(4, "cdeg", "y", "unknown")]
REJECTED = [
    {"id": "5", "query": None, "reason": "schema"},
    row(6, "ab", "x", reason="duplicate"),
    row(7, "aaab", "x", reason="near_duplicate"),
    row(8, "mnop", "y", reason="surplus"),
]


def measured(rows: list[dict] = ROWS, rejected: list[dict] = REJECTED) -> dict:
    near = similarity([normalise(given["query"]) for given in rows], [normalise(question) for question in QUESTIONS])
    curated = [
        given | {"nearest_question": int(line.argmax()), "question_similarity": float(line.max())}
        for given, line in zip(rows, near, strict=True)
    ]
    return measure(curated, rejected, CODES, PERSONAS)


def binned(**counts: int) -> list[int]:
    return [counts.get(f"from{edge}", 0) for edge in range(0, 100, 5)]


def test_length_is_counted_in_characters_as_written():
    assert measured()["length"] == {
        "mean": 3.5,
        "median": 4.0,
        "p10": pytest.approx(2.6),
        "p90": 4.0,
        "min": 2,
        "max": 4,
        "histogram": {"characters": [2, 4], "counts": [1, 3]},
        "mean_per_label": {"x": 3.0, "y": 4.0, "z": None},
    }


@pytest.mark.parametrize(
    ("n", "everything", "within"),
    [("1", 7 / 13, (2 / 5 + 5 / 8) / 2), ("2", 6 / 9, (2 / 3 + 4 / 6) / 2), ("3", 4 / 5, (1 + 3 / 4) / 2)],
)
def test_distinct_ngrams_are_those_of_the_normalised_texts(n: str, everything: float, within: float):
    values = measured()["distinct_n"][n]
    assert (values["all"], values["within_labels"]) == pytest.approx((everything, within))


def test_sampled_distinct_is_the_mean_over_all_samples(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(quality, "SAMPLE", 2)
    rows = [row(1, "aa", "x"), row(2, "b", "x")]  # samples: aa, ab, ab
    assert measured(rows)["distinct_n"]["1"]["all_sampled"] == pytest.approx((1 + 2 + 2) / 3 / 2)


def test_sampled_distinct_does_not_fall_with_the_size_of_a_set():
    texts = [chr(97 + number % 23) + chr(97 + number % 19) for number in range(600)]
    rows = [row(number, text, "x") for number, text in enumerate(texts)]
    double = rows + [row(number, text, "y") for number, text in enumerate(texts, start=600)]
    one, two = (measured(part)["distinct_n"]["1"] for part in (rows, double))
    assert two["all"] == pytest.approx(one["all"] / 2)
    assert two["all_sampled"] == pytest.approx(one["all_sampled"], rel=0.01)
    assert two["within_labels_sampled"] == one["all_sampled"]


def test_a_set_smaller_than_the_sample_has_no_sampled_distinct():
    values = measured()["distinct_n"]["1"]
    assert values["all_sampled"] is None
    assert values["within_labels_sampled"] is None


def test_rejections_are_counted_and_duplicates_are_a_share_of_all_candidates():
    result = measured()
    assert result["rejected_per_reason"] == {"schema": 1, "duplicate": 1, "near_duplicate": 1, "surplus": 1}
    assert result["near_duplicate_rate"] == 2 / 8


def test_a_row_is_not_its_own_neighbour():
    values = measured()["nearest_neighbour"]
    assert [values[key] for key in ("mean", "p50", "p95", "max")] == pytest.approx([77.5, 77.5, 80, 80])
    assert values["histogram"] == {"edges": list(range(0, 101, 5)), "counts": binned(from75=2, from80=2)}


def test_nearest_evaluation_questions_are_in_order_and_named_by_index():
    values = measured()["nearest_evaluation"]
    assert [values[key] for key in ("mean", "p95", "max")] == pytest.approx([(200 / 3 + 80 + 75 + 75) / 4, 79.25, 80])
    assert values["histogram"]["counts"] == binned(from65=1, from75=2, from80=1)
    pairs = [tuple(pair.values()) for pair in values["nearest_pairs"]]
    assert pairs == [("2", "ab", 2, 80.0), ("3", "cdef", 1, 75.0), ("4", "cdeg", 1, 75.0), ("1", "aab!", 2, 66.7)]


def test_no_more_than_ten_pairs_are_listed():
    rows = [row(number, "ab" + "c" * number, "x") for number in range(12)]
    pairs = measured(rows)["nearest_evaluation"]["nearest_pairs"]
    assert [pair["id"] for pair in pairs] == [str(number) for number in range(10)]


def test_the_result_is_json_without_a_question_in_it():
    result = measured()
    text = json.dumps(result, allow_nan=False)
    assert json.loads(text) == result
    assert not any(question in text for question in QUESTIONS)


def test_an_even_spread_over_labels_has_entropy_1():
    assert measured()["label_balance"] == {
        "rows": {"x": 2, "y": 2, "z": 0},
        "normalised_entropy": pytest.approx(math.log(2) / math.log(3)),
    }
    even = measured([*ROWS, row(9, "ij", "z"), row(10, "kl", "z")])
    assert even["label_balance"]["normalised_entropy"] == pytest.approx(1)


def test_personas_without_rows_have_a_share_of_0():
    assert measured()["persona_share"] == {"p": 0.5, "q": 0.25, "r": 0.0, "unknown": 0.25}


def test_rows_that_were_written_for_no_persona_have_no_shares():
    rows = [known | {"persona": "unknown", "nearest_question": 0, "question_similarity": 0.0} for known in ROWS]
    assert measure(rows, [], ["x", "y"], [])["persona_share"] == {}


def test_judge_agreement_counts_rejected_rows_and_leaves_out_unjudged_ones():
    assert measured()["judge"] is None
    rows = [row(1, "a", "x", judged="x"), row(2, "b", "x", judged="x"), row(3, "c", "y", judged="y")]
    rejected = [row(4, "d", "y", judged="x", reason="judge_disagrees"), *REJECTED]
    unanswered = row(5, "e", "y", judged=None)
    assert measured([*rows, unanswered], rejected)["judge"] == {"judged": 4, "agreement": 0.75, "kappa": 0.5}


def test_kappa_of_one_label_throughout_is_undefined():
    rows = [row(1, "a", "x", judged="x"), row(2, "b", "x", judged="x")]
    assert measured(rows)["judge"] == {"judged": 2, "agreement": 1.0, "kappa": None}


def test_too_little_to_compare_is_refused():
    with pytest.raises(DataError, match="found 1 curated row"):
        measured(ROWS[:1])
