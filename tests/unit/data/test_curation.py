import pytest

from finintent.config.curation import SeededCuration
from finintent.data.curation import curate
from finintent.errors import DataError, TooFewRowsError
from finintent.task.taxonomy import Label, Taxonomy

TAXONOMY = Taxonomy(
    version=1,
    language="en",
    title="t",
    labels=tuple(
        Label(code=code, name=name, definition="d") for code, name in (("cat", "Felines"), ("dog", "Canines"))
    ),
)
QUESTIONS = ["what do parrots eat"]


def candidate(number: int, query: object, label: str = "cat", persona: str = "p") -> dict:
    return {"id": str(number), "query": query, "label": label, "persona": persona}


def settings(**changes: object) -> SeededCuration:
    values = {
        "train_rows": 2, "validation_rows": 2, "min_characters": 3, "max_characters": 40,
        "near_duplicate_threshold": 70, "decontamination_threshold": 55, "seed": 0,
    }  # fmt: skip
    return SeededCuration(**values | changes)


GOOD = [
    candidate(0, "purring at night", "cat"),
    candidate(1, "scratches on my sofa", "cat"),
    candidate(2, "leash for big breeds", "dog"),
    candidate(3, "howling when alone", "dog"),
]


def run(*extra: dict, questions: list[str] = QUESTIONS, **changes: object):
    return curate([*GOOD, *extra], TAXONOMY, ["p"], questions, settings(**changes))


def test_good_rows_are_split_in_balance():
    curated = run()
    for split in (curated.train, curated.validation):
        assert sorted(row["label"] for row in split) == ["cat", "dog"]
    assert curated.rejected == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (candidate(9, None), "schema"),
        (candidate(9, "purring cats purr", label="bird"), "schema"),
        (candidate(9, "whiskers and tails", persona="q"), "schema"),
        (candidate(9, "ab"), "length"),
        (candidate(9, "x" * 41), "length"),
        (candidate(9, "are felines shy"), "names_label"),
        (candidate(9, "Purring, at NIGHT!"), "duplicate"),
        (candidate(9, "purring at nights"), "near_duplicate"),
        (candidate(9, "What do the parrots eat?"), "near_evaluation"),
    ],
)
def test_each_bad_row_is_rejected_with_its_reason(row: dict, reason: str):
    curated = run(row)
    assert [(rejected["id"], rejected["reason"]) for rejected in curated.rejected] == [("9", reason)]
    assert curated.counts["rejected_per_reason"] == {reason: 1}


def test_a_text_under_two_labels_is_rejected_in_both():
    curated = run(candidate(8, "chases its own tail", "cat"), candidate(9, "chases its own tail", "dog"))
    assert {row["id"] for row in curated.rejected if row["reason"] == "conflicting_labels"} == {"8", "9"}


def test_no_candidate_is_lost():
    extra = [candidate(9, "purring at nights"), candidate(10, "milk bowl"), candidate(11, "kitten food")]
    curated = run(*extra)
    ids = [row["id"] for rows in (curated.train, curated.validation, curated.rejected) for row in rows]
    assert sorted(ids) == sorted(row["id"] for row in [*GOOD, *extra])


def test_too_few_rows_names_what_each_label_lacks():
    with pytest.raises(TooFewRowsError, match="cat lacks 3, dog lacks 3"):
        run(train_rows=6, validation_rows=4)


def test_decontamination_needs_questions():
    with pytest.raises(DataError, match="evaluation set is empty"):
        run(questions=[])


def test_personas_are_in_both_splits_in_like_shares():
    words = [
        "apple",
        "bridge",
        "cloud",
        "dynamo",
        "forest",
        "guitar",
        "hockey",
        "jigsaw",
        "lemonade",
        "museum",
        "python",
        "zebra",
    ]
    rows = [
        candidate(index, word, label, persona)
        for index, (word, label, persona) in enumerate(
            zip(words, ["cat"] * 6 + ["dog"] * 6, ["p", "q"] * 6, strict=True)
        )
    ]
    curated = curate(rows, TAXONOMY, ["p", "q"], QUESTIONS, settings(train_rows=8, validation_rows=4))
    assert curated.counts["train"]["per_persona"] == {"p": 4, "q": 4}
    assert curated.counts["validation"]["per_persona"] == {"p": 2, "q": 2}


def test_split_depends_on_the_seed_alone():
    extra = [candidate(9 + index, text) for index, text in enumerate(("milk bowl", "kitten food", "tree rescue"))]
    first, again, other = (run(*extra, seed=seed) for seed in (0, 0, 3))
    assert first.train == again.train
    assert first.train != other.train or first.validation != other.validation
