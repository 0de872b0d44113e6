"""A label as people write it in a file."""

import pytest

from finintent.task.labels import label_code, nearest
from finintent.task.taxonomy import Label, Taxonomy

LABELS = {"card_fee": "Card fee", "loan": "Kredit", "kredit": "Something else", "stock": "个股问询"}
TAXONOMY = Taxonomy(
    version=1, language="en", title="t", labels=[Label(code=c, name=n, definition="d") for c, n in LABELS.items()]
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("card_fee", "card_fee"),
        ("Card fee", "card_fee"),
        (" CARD-FEE ", "card_fee"),
        ("ｃａｒｄ ｆｅｅ", "card_fee"),
        ("个股问询。", "stock"),
        ("Kredit", "loan"),  # its very text
        ("kredit", "kredit"),  # its very code
        ("KREDIT", None),  # either
        ("card", None),
        ("", None),
        ("?", None),
    ],
)
def test_a_label_is_named_by_its_code_or_its_text(text: str, code: str | None):
    assert label_code(text, TAXONOMY) == code


def test_the_most_similar_id_is_offered():
    assert nearest("lown", list(LABELS)) == "; did you mean 'loan'?"
    assert nearest("xyz", list(LABELS)) == ""
