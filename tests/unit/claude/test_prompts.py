import pytest

from finintent.claude.prompts import GenerationPrompt
from finintent.errors import DataError
from finintent.files import read_yaml
from tiny import ROOT


@pytest.mark.parametrize("dataset", ["resources/intent_understanding", "tests/datasets/support_topics"])
def test_shipped_prompts_have_their_fields(dataset: str):
    assert read_yaml(ROOT / dataset / "prompts/generation.yaml", GenerationPrompt).version >= 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{count}", "some", r"user has the fields \[.*\], expected \{code\}, \{count\}"),
        ('refusal: "(retry {attempt})', 'refusal: "', r"retry\.refusal has the fields \[\], expected \{attempt\}"),
        ("  too_few:", "  few:", r"retry has the keys"),
        ("{count}", "{count:s}", "has more than a name in the field 'count'; write {count}"),
        ("{queries}", "", r"user has the fields \[\], expected \{queries\}"),
    ],
)
def test_a_wrong_prompt_is_named(tmp_path, old: str, new: str, message: str):
    text = (ROOT / "tests/datasets/support_topics/prompts/generation.yaml").read_text()
    path = tmp_path / "generation.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(DataError, match=message):
        read_yaml(path, GenerationPrompt)
