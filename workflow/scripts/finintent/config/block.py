"""What the blocks of the configuration have in common: what they refuse, and the types that several of them use."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError


class Block(BaseModel):
    """A map of known keys. Values keep their YAML type: the text "1" is no number, and `key:` alone is no value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_key_without_value(cls, values: Any) -> Any:
        """Refuse a key without a value, which an optional key would otherwise accept."""
        if isinstance(values, dict):
            for key in cls.model_fields.keys() & values.keys():
                if values[key] is None:
                    raise PydanticCustomError("empty", "{key} is empty", {"key": key})
        return values


def mistake(key: str, text: str) -> PydanticCustomError:
    """Return the error of a block with contradictory keys; `text` follows the key's path in the message."""
    return PydanticCustomError("mistake", "{key} {text}", {"key": key, "text": text})


def _shortest(number: float) -> int | float:
    """Return 70 for 70.0: Snakemake compares parameters by their text."""
    return int(number) if number == int(number) else number


def _distinct(values: list[Any]) -> list[Any]:
    for value, count in Counter(values).items():
        if count > 1:
            raise mistake("", f"holds {value!r} more than once; name it once")
    return values


Number = Annotated[float, PlainSerializer(_shortest)]
Distinct = AfterValidator(_distinct)  # of a list
DISTINCT = {"uniqueItems": True}  # the same in JSON schema
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Repository = Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")]
Effort = Annotated[
    Literal["low", "medium", "high", "xhigh", "max"], Field(description="how much the model thinks before it answers")
]
PricedModel = Annotated[str, Field(description="id of the model, which has a price in resources/prices.yaml")]
