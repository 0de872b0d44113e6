"""The JSON schema of the configuration's models, and its description of a value in English."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

Node = dict[str, Any]  # a JSON schema or a part of one
LIMITS = {
    "minimum": "of at least", "exclusiveMinimum": "above", "maximum": "of at most", "exclusiveMaximum": "below",
}  # fmt: skip


class _Generator(GenerateJsonSchema):
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave null out: an optional key is absent, never empty."""
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Refuse a key that no pattern of ids matches."""
        node = super().dict_schema(schema)
        return {**node, "additionalProperties": False} if "patternProperties" in node else node

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Titles would only repeat the keys."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave out a default that only means that a key or block may be absent, or repeats a block's own defaults."""
        default = schema.get("default")
        if default is None or isinstance(default, BaseModel):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def json_schema(model: type[BaseModel]) -> Node:
    """Return the JSON schema (2020-12) of a block and of the blocks within it, which are under `$defs`."""
    schema = model.model_json_schema(schema_generator=_Generator)
    for node in (schema, *schema.get("$defs", {}).values()):
        node.pop("title", None)
    return {"$schema": _Generator.schema_dialect, **schema}


def resolve(schema: Node, node: Node) -> Node:
    """Return the block that a node refers to, or the node itself."""
    return schema["$defs"][node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else node


def description(schema: Node, node: Node) -> str:
    """Return what a key is for: its description, or that of its block."""
    return (node.get("description") or resolve(schema, node).get("description", "")).rstrip(".")


def entries(node: Node) -> Node | None:
    """Return the schema of the values of a map from ids, None for any other node."""
    return next(iter(node.get("patternProperties", {}).values()), None)


def allowed(node: Node) -> str:
    """Return which values a node accepts: "an integer, at least 1"."""
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return "one of " + ", ".join(map(str, node["enum"]))
    kind = node.get("type")
    if kind == "array":
        return _list(node)
    if kind == "string":
        return f"text that matches `{node['pattern']}`" if "pattern" in node else "text"
    if kind == "boolean":
        return "true or false"
    if kind in ("integer", "number"):
        limits = " and ".join(f"{text} {node[key]:.12g}" for key, text in LIMITS.items() if key in node)
        return f"{'an integer' if kind == 'integer' else 'a number'} {limits}".rstrip()
    if "discriminator" in node:
        return "a map with the key `type`"
    return "a map of keys and values" if entries(node) is None else "one or more entries, each under its id"


def _list(node: Node) -> str:
    least, most = node.get("minItems", 0), node.get("maxItems")
    size = f"{least} values" if least and least == most else "one or more values" if least else "values"
    each = f"a list of {size}, each {allowed(node['items'])}"
    return each + (", none twice" if node.get("uniqueItems") else "")
