"""The mistake in a configuration as one sentence: the key, what was found, what was expected, what to do."""

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails

from finintent.config.schema import Node, allowed, description, entries, resolve

MOVED = {  # keys of earlier versions
    "shuffle_options": "recipes.<id>.shuffle_options: it belongs to how a model is taught, not to the data set",
    "preset": "recipes.<id>.preset: it belongs to one recipe, not to every training",
}
LONGEST = 80  # characters of a value that are shown
TOP = "the top level"


def sentence(errors: Sequence[ErrorDetails], schema: Node) -> str:
    """Return the most useful of the errors that pydantic found, as a sentence.

    It is the one nearest to the top level; an unknown key comes before a missing one, as it is often the cause.
    """
    error = min(errors, key=lambda error: (len(error["loc"]), error["type"] != "extra_forbidden"))
    path, node, parent = _walk(schema, error["loc"])
    found, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return _unknown(path, parent)
        case "missing":
            return f"config: {_dotted(path[:-1])} lacks the key {path[-1]!r}: {description(schema, node)}; add it"
        case "union_tag_not_found":
            return f"config: {_dotted(path)} lacks the key 'type', expected {_types(node)}; add it"
        case "union_tag_invalid":
            return f"config: {_dotted([*path, 'type'])} is {_shown(found['type'])}, expected {_types(node)}"
        case "mistake":
            return f"config: {_dotted([*path, context['key']])} {context['text']}"
        case "empty":
            path = [*path, context["key"]]
            node, found = _child(schema, node, context["key"]), None
        case "invalid_key":
            return f"config: {_dotted(path[:-1])} has the key {path[-1]!r}, expected text; put it in quotes"
    if path[-1:] == ["[key]"]:
        pattern = next(iter(parent.get("patternProperties", {})), None)
        expected = f"one that matches `{pattern}`" if isinstance(found, str) else "text; put it in quotes"
        return f"config: {_dotted(path[:-2])} has the id {found!r}, expected {expected}"
    return f"config: {_dotted(path)} is {_shown(found)}, expected {_expected(schema, node)}{_advice(found, node)}"


def value_sentence(path: str, found: Any, node: Node) -> str:
    """Return a sentence on a key whose value does not fit a JSON schema of one value."""
    return f"{path} is {_shown(found)}, expected {allowed(node)}{_advice(found, node)}"


def _walk(schema: Node, location: Sequence[str | int]) -> tuple[list[str | int], Node, Node]:
    """Return the path of an error as a user knows it, and the schemas at its end and one step before."""
    path: list[str | int] = []
    node = parent = schema
    for step in location:
        node = resolve(schema, node)
        if "discriminator" in node:  # the location names the alternative, which is no key
            node = {"$ref": node["discriminator"]["mapping"][step]}
            continue
        path.append(step)
        if step != "[key]":
            node, parent = _child(schema, node, step), node
    return path, node, parent


def _child(schema: Node, node: Node, key: str | int) -> Node:
    """Return the schema of a key or item of a node, an empty one where the node has no such key."""
    node = resolve(schema, node)
    if isinstance(key, int):
        return node.get("items", {})
    return node.get("properties", {}).get(key) or entries(node) or {}


def _unknown(path: list[str | int], parent: Node) -> str:
    name, keys = str(path[-1]), sorted(parent["properties"])
    if name in MOVED:
        return f"config: {_dotted(path)} has moved to {MOVED[name]}"
    near = difflib.get_close_matches(name, keys, n=1)
    advice = f"write {near[0]!r} or remove it" if near else "remove it"
    return f"config: {_dotted(path[:-1])} has the unknown key {name!r}; the known ones are {', '.join(keys)}; {advice}"


def _expected(schema: Node, node: Node) -> str:
    if "$ref" in node:
        return f"the keys {', '.join(resolve(schema, node)['properties'])}"
    return allowed(node)


def _types(node: Node) -> str:
    return "one of " + ", ".join(node["discriminator"]["mapping"])


def _advice(found: Any, node: Node) -> str:
    """Return what to do about a key without a value, and about a number that YAML read as text, or the reverse."""
    if found is None:
        return "; give it a value or remove the key"
    if (node.get("type") == "string" or "enum" in node) and not isinstance(found, str | list | dict):
        return "; put it in quotes"
    if node.get("type") == "integer" and isinstance(found, float) and found.is_integer():
        return f"; write {found:.0f}"
    if not isinstance(found, str) or node.get("type") not in ("integer", "number"):
        return ""
    try:
        number = float(found)
    except ValueError:
        return ""
    if node["type"] == "integer":
        return f"; write {number:.0f} without quotes" if number.is_integer() else ""
    mantissa, _, exponent = found.lower().partition("e")
    if not exponent:
        return f"; write {found} without quotes"
    return f"; YAML reads {found} as text: write {float(mantissa)}e{int(exponent):+d}"


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    text = repr(value).replace("\n", " ")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path if part != "") or TOP
