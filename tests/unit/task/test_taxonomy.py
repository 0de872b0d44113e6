"""A taxonomy's labels, what marks their options, and what a file may get wrong."""

import pytest

from finintent.errors import DataError
from finintent.task.taxonomy import Label, Taxonomy, option_markers, read_taxonomy
from tiny import DATASET, ROOT


def taxonomy(count: int) -> Taxonomy:
    labels = [Label(code=f"c{number}", name=f"name {number}", definition="d") for number in range(count)]
    return Taxonomy(version=1, language="en", title="t", labels=labels)


def test_answers_are_letters_or_option_texts():
    topics = read_taxonomy(ROOT / "tests/datasets" / DATASET / "taxonomy.yaml")
    assert topics.options == {"A": "billing", "B": "shipping", "C": "account"}
    assert list(topics.options) == ["A", "B", "C"]
    assert list(topics.names.values()) == ["Billing", "Shipping", "Account"]


def test_more_labels_than_letters_are_numbered():
    assert list(taxonomy(26).options)[-1] == "Z"
    numbered = taxonomy(77).options
    assert list(numbered) == [str(number) for number in range(1, 78)]
    assert (numbered["1"], numbered["77"]) == ("c0", "c76")
    assert option_markers(77) == list(numbered)
    assert len(taxonomy(77).names) == 77


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1", r"taxonomy.yaml: language is missing"),
        (
            "{version: 1, language: EN}",
            r"taxonomy.yaml: language: found 'EN', expected a language code in small letters",
        ),
        ("{version: 1, language: no}", r"taxonomy.yaml: language: expected text, found False; put it in quotes"),
        ("version: [", r"taxonomy.yaml, line 1: not YAML"),
        ("version: 1\nlanguage: en\ntitle: t\nlabels: []\n", r"labels: expected at least 2 entries"),
        (
            "{version: 1, language: en, title: t, labels: [{code: a, name: n, definition: d}, "
            "{code: a, name: m, definition: d}]}",
            "expected a different code for every label",
        ),
    ],
)
def test_a_wrong_taxonomy_is_named(tmp_path, text: str, message: str):
    path = tmp_path / "taxonomy.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_taxonomy(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LOANS", "expected names that differ by more than case or width, found LOANS, Loans"),
        ("Ｌoans", "expected names that differ by more than case or width"),
        ("Car\nds", "expected one line of text"),
        ("  ", "expected one line of text"),
        ("\u200b", "expected one line of text"),
        (" Cards", "expected one line of text, without invisible characters or spaces around it"),
    ],
)
def test_a_name_that_would_be_read_as_another_is_refused(name: str, message: str):
    names = {"cards": name, "loans": "Loans"}
    with pytest.raises(ValueError, match=message):
        Taxonomy(
            version=1,
            language="en",
            title="t",
            labels=[Label(code=code, name=name, definition="d") for code, name in names.items()],
        )
