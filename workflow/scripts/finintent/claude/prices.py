"""The cost of requests: prices as dated data, and estimates of token counts."""

import json
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from finintent.errors import ConfigError

MILLION = 1e6
# Estimates, as the tokenizer is not public: about one token an ideograph, four letters a token.
TOKENS_PER_IDEOGRAPH = 1.1
CHARACTERS_PER_TOKEN = 3.5
TOKENS_PER_REQUEST = 300  # what the service adds: roles, and the schema of the answer


Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Price(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid")
    input: Dollars
    output: Dollars


class Prices(BaseModel):
    """A prices.yaml."""

    model_config = ConfigDict(extra="forbid")
    date: date
    batch_discount: Share
    cache_write: Dollars
    cache_read: Dollars
    cache_minimum_tokens: int
    models: dict[str, Price] = Field(min_length=1)

    def of(self, model: str) -> Price:
        """Return a model's price.

        Raises:
            ConfigError: it has none.
        """
        if model not in self.models:
            raise ConfigError(
                f"config: the model {model!r} has no price in resources/prices.yaml, which has "
                f"{', '.join(self.models)}; correct the name, or add the model with its price"
            )
        return self.models[model]

    def cost(self, model: str, usage: dict[str, Any], *, batch: bool) -> float:
        """Return the cost of an answer in US dollars.

        Args:
            model: id of the model.
            usage: `usage` of the answer's message; its input_tokens exclude those that the cache served.
            batch: whether the request was part of a batch.
        """
        price = self.of(model)
        read, written = (usage.get(f"cache_{kind}_input_tokens") or 0 for kind in ("read", "creation"))
        dollars = (
            (usage["input_tokens"] + written * self.cache_write + read * self.cache_read) * price.input
            + usage["output_tokens"] * price.output
        ) / MILLION
        return dollars * (self.batch_discount if batch else 1)

    def worst_cost(self, body: dict[str, Any], *, batch: bool) -> float:
        """Return the most that a request can cost in US dollars: with the longest answer that it allows."""
        usage = {"input_tokens": estimate_tokens(body) * self.cache_write, "output_tokens": body["max_tokens"]}
        return self.cost(body["model"], usage, batch=batch)


def estimate_tokens(body: dict[str, Any]) -> int:
    """Return an estimate of a request's input tokens, without asking the API."""
    text = "".join(block["text"] for block in body.get("system", [])) + "".join(
        message["content"] for message in body["messages"]
    )
    text += json.dumps(body["output_config"])
    wide = sum(ord(character) > 0x2E7F for character in text)
    return round(wide * TOKENS_PER_IDEOGRAPH + (len(text) - wide) / CHARACTERS_PER_TOKEN + TOKENS_PER_REQUEST)
