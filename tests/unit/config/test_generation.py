"""Where candidates come from, and what decides Claude's requests apart from how its answers are fetched."""

import pytest
from pydantic import ValidationError

from finintent.config.answers import AnswerPlan
from finintent.config.evaluation import ClaudeAnswers
from finintent.config.fetching import Fetching
from finintent.config.generation import Anthropic, Generation
from finintent.config.plan import Plan

CLAUDE = {"store": "s.jsonl", "model": "m"}
BLOCKS = {
    "recorded": {"responses": "r.jsonl"},
    "anthropic": CLAUDE,
    "huggingface": {"repo_id": "a/b", "revision": "a" * 40},
}


@pytest.mark.parametrize("backend", BLOCKS)
def test_the_backend_needs_its_block_and_bears_others(backend: str):
    assert Generation(backend=backend, **BLOCKS).backend == backend
    others = {name: block for name, block in BLOCKS.items() if name != backend}
    with pytest.raises(ValidationError, match=f"backend is '{backend}', but there is no block of that name"):
        Generation(backend=backend, **others)


def test_a_block_that_is_not_there_stays_absent():
    generation = Generation(backend="recorded", recorded=BLOCKS["recorded"])
    assert generation.model_dump(mode="json", exclude_none=True) == {
        "backend": "recorded",
        "recorded": {"responses": "r.jsonl"},
    }


@pytest.mark.parametrize(("block", "plan"), [(Anthropic, Plan), (ClaudeAnswers, AnswerPlan)])
def test_a_key_decides_the_requests_or_how_answers_are_fetched(block: type, plan: type):
    deciding, fetching = plan.model_fields.keys() | {"model"}, Fetching.model_fields.keys()
    assert deciding | fetching == block.model_fields.keys()
    assert not deciding & fetching
