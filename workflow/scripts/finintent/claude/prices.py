"""What requests cost: prices as dated data, and token counts before there is an answer to count."""

import json
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from finintent.errors import ConfigError

MILLION = 1e6
# A guess for text in front of a tokenizer that is not public: about one token an ideograph, four letters a token.
TOKENS_PER_IDEOGRAPH = 1.1
CHARACTERS_PER_TOKEN = 3.5
TOKENS_PER_REQUEST = 300  # what the service adds: roles, and the schema of the answer


class Price(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid")
    input: float
    output: float


class Prices(BaseModel):
    """A prices.yaml."""

    model_config = ConfigDict(extra="forbid")
    date: date
    batch_discount: float
    cache_write: float
    cache_read: float
    cache_minimum_tokens: int
    models: dict[str, Price]

    def of(self, model: str) -> Price:
        """Return a model's price; ConfigError when it has none."""
        if model not in self.models:
            raise ConfigError(
                f"config: the model {model!r} has no price in resources/prices.yaml, which knows "
                f"{', '.join(self.models)}; correct the name, or add the model with its price"
            )
        return self.models[model]

    def cost(self, model: str, usage: dict[str, Any], *, batch: bool) -> float:
        """Return the US dollars of an answer; `usage` is its message's, whose input excludes what the cache served."""
        price = self.of(model)
        read, written = (usage.get(f"cache_{kind}_input_tokens") or 0 for kind in ("read", "creation"))
        dollars = (
            (usage["input_tokens"] + written * self.cache_write + read * self.cache_read) * price.input
            + usage["output_tokens"] * price.output
        ) / MILLION
        return dollars * (self.batch_discount if batch else 1)

    def worst_cost(self, body: dict[str, Any], *, batch: bool) -> float:
        """Return the US dollars of a request whose answer is as long as it may be."""
        usage = {"input_tokens": estimate_tokens(body) * self.cache_write, "output_tokens": body["max_tokens"]}
        return self.cost(body["model"], usage, batch=batch)


def estimate_tokens(body: dict[str, Any]) -> int:
    """Return about how many input tokens a request has, without asking the API."""
    text = "".join(block["text"] for block in body.get("system", [])) + "".join(
        message["content"] for message in body["messages"]
    )
    text += json.dumps(body["output_config"])
    wide = sum(ord(character) > 0x2E7F for character in text)
    return round(wide * TOKENS_PER_IDEOGRAPH + (len(text) - wide) / CHARACTERS_PER_TOKEN + TOKENS_PER_REQUEST)
