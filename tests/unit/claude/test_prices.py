import pytest

from finintent.claude.prices import Prices, estimate_tokens
from finintent.errors import ConfigError
from writer import PRICES


def test_costs_by_hand():
    usage = {"input_tokens": 1000, "output_tokens": 2000}
    assert PRICES.cost("claude-sonnet-5-5", usage, batch=False) == pytest.approx(0.022)
    assert PRICES.cost("claude-sonnet-5-5", usage, batch=True) == pytest.approx(0.011)
    cached = usage | {"cache_read_input_tokens": 10_000, "cache_creation_input_tokens": 1000}
    assert PRICES.cost("claude-haiku-5-5", cached, batch=False) == pytest.approx((1000 + 1000 + 1250) * 1e-7 + 1e-3)


def test_a_model_without_a_price_is_refused():
    with pytest.raises(ConfigError, match=r"'claude-3' has no price in resources/prices\.yaml"):
        PRICES.of("claude-3")


def test_tokens_grow_with_text_and_ideographs_count_whole():
    def tokens(text: str) -> int:
        return estimate_tokens({"system": [], "messages": [{"content": text}], "output_config": {}})

    assert tokens("问" * 1000) - tokens("") == pytest.approx(1100, abs=1)
    assert tokens("a" * 1000) - tokens("") == pytest.approx(286, abs=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": {"m": {"input": -1, "output": 1}}}, "input"),
        ({"models": {"m": {"input": float("nan"), "output": 1}}}, "input"),
        ({"models": {}}, "models"),
        ({"batch_discount": 50}, "batch_discount"),
    ],
)
def test_prices_that_would_spoil_the_budget_are_refused(change: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Prices(**PRICES.model_dump() | change)
