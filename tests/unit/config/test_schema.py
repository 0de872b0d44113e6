"""The JSON schema of the models, and values in English."""

import pytest

from finintent.config.schema import allowed, json_schema, resolve
from finintent.config.whole import Config

SCHEMA = json_schema(Config)


def test_every_key_is_described():
    blocks = {"the top level": SCHEMA} | SCHEMA["$defs"]
    keys = [(name, key, child) for name, block in blocks.items() for key, child in block["properties"].items()]
    assert len(keys) > 80
    for name, key, child in keys:
        assert child.get("description") or resolve(SCHEMA, child).get("description"), f"{name}.{key}: no description"


def test_null_is_no_value_and_unknown_keys_are_refused():
    assert '"null"' not in str(SCHEMA).replace("'", '"')
    assert all(block["additionalProperties"] is False for block in (SCHEMA, *SCHEMA["$defs"].values()))


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"type": "boolean"}, "true or false"),
        ({"type": "integer"}, "an integer"),
        ({"type": "integer", "minimum": 1}, "an integer of at least 1"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 100}, "a number above 0 and of at most 100"),
        ({"type": "number", "minimum": 0.5, "exclusiveMaximum": 1}, "a number of at least 0.5 and below 1"),
        ({"type": "string"}, "text"),
        ({"type": "string", "pattern": "^a$"}, "text that matches `^a$`"),
        ({"type": "string", "enum": ["a", "b"]}, "one of a, b"),
        ({"type": "string", "const": "a"}, "`a`"),
        ({"type": "array", "items": {"type": "string"}}, "a list of values, each text"),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "uniqueItems": True},
            "a list of one or more values, each an integer, none twice",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
            "a list of 2 values, each text",
        ),
        ({"type": "object"}, "a map of keys and values"),
        ({"type": "object", "patternProperties": {"^a$": {}}}, "one or more entries, each under its id"),
    ],
)
def test_allowed_values_in_english(node: dict, text: str):
    assert allowed(node) == text
