"""Where the questions come from, and how Claude answers them."""

import pytest
from pydantic import ValidationError

from finintent.config.evaluation import Evaluation
from finintent.config.generation import Anthropic

CLAUDE = {"store": "s.jsonl", "model": "m"}


@pytest.mark.parametrize(("source", "key", "value"), [("local", "path", "e.json"), ("openfindata", "task", "intents")])
def test_the_source_of_questions_needs_its_key(source: str, key: str, value: str):
    assert getattr(Evaluation(source=source, **{key: value}), key) == value
    with pytest.raises(ValidationError, match=f"lacks the key '{key}', which its source '{source}' needs"):
        Evaluation(source=source)


def test_claude_answers_with_its_own_limit_of_tokens():
    assert Evaluation(path="e.json", claude=CLAUDE).claude.max_tokens == 1000
    assert Anthropic(**CLAUDE).max_tokens == 8000
