import inspect
import re

import pytest

import finintent.data.curation
from finintent.config.curation import SeededCuration
from finintent.data.curation import ADVICE, accept, curate
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
        (candidate(9, "purring cats purr", label=None), "schema"),
        (candidate(9, "whiskers and tails", persona=None), "schema"),
        *((candidate(9, text), "schema") for text in ("", "？？？", "……", "\u200b\u200b", "\x00\x00\x00", "😂😂😂")),
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


def test_invisible_characters_are_taken_out_of_a_query():
    curated = run(candidate(9, "milk\x00 bowl\u200b", "cat"), candidate(8, "milk bowl"), train_rows=3)
    assert [(row["id"], row["reason"]) for row in curated.rejected] == [("8", "duplicate")]
    assert "milk bowl" in [row["query"] for row in (*curated.train, *curated.validation)]


CHINESE = Taxonomy(
    version=1,
    language="zh",
    title="t",
    labels=[Label(code=code, name=name, definition="d") for code, name in (("cat", "猫"), ("dog", "狗"))],
)


@pytest.mark.parametrize(
    ("query", "label", "reason"),
    [
        ("銀證轉賬為什麼提示非服務時間", "cat", "near_evaluation"),
        ("這支基金的基金經理換過幾次人", "cat", "duplicate"),
        ("這支基金的基金經理換過幾次人", "dog", "conflicting_labels"),
    ],
)
def test_traditional_and_simplified_characters_are_the_same_text(query: str, label: str, reason: str):
    rows = [candidate(1, "这支基金的基金经理换过几次人", "cat"), candidate(2, query, label)]
    _, rejected = accept(rows, CHINESE, ["p"], ["银证转账为什么提示非服务时间"], settings())
    assert [row["reason"] for row in rejected if row["id"] == "2"] == [reason]


@pytest.mark.parametrize("block", [1, 5, 1000])
def test_a_near_duplicate_under_another_label_is_a_conflict(monkeypatch: pytest.MonkeyPatch, block: int):
    monkeypatch.setattr("finintent.data.curation.BLOCK", block)  # rows that are compared at once
    curated = run(
        candidate(7, "chases its own tail", "cat"), candidate(8, "chasing its own tail", "dog"),
        candidate(9, "chases its own tails", "cat"),
    )  # fmt: skip
    reasons = {row["id"]: (row["reason"], row["match"]) for row in curated.rejected}
    assert reasons == {
        "7": ("conflicting_labels", "8"), "8": ("conflicting_labels", "7"), "9": ("near_duplicate", "7"),
    }  # fmt: skip


def test_rows_of_real_users_may_name_a_label():
    row = candidate(9, "are felines shy", "cat")
    assert [row["reason"] for row in run(row, train_rows=3, reject_label_names=False).rejected] == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            candidate(9, "purring cats", label="catt"),
            r"label 'catt' in 1 rows, .* \(cat, dog\); did you mean",
        ),
        (candidate(9, "purring cats", persona="q"), r"persona 'q' in 1 rows, .*not in personas.yaml \(p, unknown\)"),
    ],
)
def test_an_id_that_there_is_not_is_named_before_rows_are_counted(row: dict, message: str):
    with pytest.raises(DataError, match=message):
        run(row)


def test_without_a_list_of_personas_any_is_good():
    rows = [row | {"persona": f"p{row['id']}"} for row in GOOD]
    assert curate(rows, TAXONOMY, None, QUESTIONS, settings()).counts["train"]["rows"] == 2


@pytest.mark.parametrize("key", ["train_rows", "validation_rows"])
def test_fewer_rows_than_labels_are_refused(key: str):
    with pytest.raises(DataError, match=f"curation.{key} is 1, fewer than the 2 labels"):
        run(**{key: 1})


def test_a_text_under_two_labels_is_rejected_in_both():
    curated = run(candidate(8, "chases its own tail", "cat"), candidate(9, "chases its own tail", "dog"))
    assert {row["id"] for row in curated.rejected if row["reason"] == "conflicting_labels"} == {"8", "9"}


def test_no_candidate_is_lost():
    extra = [candidate(9, "purring at nights"), candidate(10, "milk bowl"), candidate(11, "kitten food")]
    curated = run(*extra)
    ids = [row["id"] for rows in (curated.train, curated.validation, curated.rejected) for row in rows]
    assert sorted(ids) == sorted(row["id"] for row in [*GOOD, *extra])


def test_too_few_rows_names_what_each_label_lacks_and_why():
    extra = [candidate(9, "are felines shy"), candidate(10, "x" * 50), candidate(11, "y" * 50)]
    counts = "cat lacks 3, dog lacks 3; of 7 candidates 4 are left; 2 rejected as length"
    with pytest.raises(TooFewRowsError, match=rf"{counts} \(.*; 1 rejected as names_label \(") as error:
        run(*extra, train_rows=6, validation_rows=4)
    assert [row["reason"] for row in error.value.rejected] == ["names_label", "length", "length"]


def test_every_reason_has_its_advice():
    source = inspect.getsource(finintent.data.curation)
    assert set(re.findall(r'_reject\(\w+(?:\[\w+\])?, "(\w+)"', source)) == {*ADVICE, "surplus"}


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
