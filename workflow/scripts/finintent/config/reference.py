"""The files that are made: the JSON schema for editors, the list of all keys, and the lists of what LlamaFactory has.

Run as a command at the root of the repository, it writes them.
"""

import dataclasses
import enum
import json
import re
import types
import typing
from collections.abc import Callable
from pathlib import Path

from finintent.config.schema import Node, allowed, description, entries, json_schema, resolve
from finintent.config.whole import Config

INTRODUCTION = """\
# Configuration: every key

This file is made from the models in `workflow/scripts/finintent/config/` by `make config-docs`; do not edit it.
[`config/README.md`](../config/README.md) explains how to add a model or a data set, and why the values are what they
are.

A key whose default is *required* has to be set; one without a default may be left out. `<id>` stands for a name of
your choice.
"""


def editor_schema() -> str:
    """Return the JSON schema by which an editor completes and checks a configuration file.

    A file may override a part of another one's keys, so only a source's `type` is required here. Missing keys are
    found in the merged configuration.
    """
    schema = json_schema(Config)
    for node in (schema, *schema["$defs"].values()):
        if "required" in node:
            node["required"] = [key for key in node["required"] if "const" in node["properties"][key]]
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def key_list() -> str:
    """Return docs/configuration.md: a section for each block, with a table of its keys."""
    schema = json_schema(Config)
    blocks, homes = _blocks(schema)
    return "\n".join([INTRODUCTION, *(_section(schema, path, node, homes) for path, node in blocks)])


def _blocks(schema: Node) -> tuple[list[tuple[str, Node]], dict[str, str]]:
    """Return the path and schema of each block, followed by the blocks within it, and the path by block reference.

    A block in several places is listed once: at the top level if it is there, otherwise at its first place.
    """
    homes = {child["$ref"]: key for key, child in schema["properties"].items() if "$ref" in child}
    blocks: list[tuple[str, Node]] = []

    def visit(path: str, node: Node) -> None:
        blocks.append((path, node))
        prefix = f"{path.split(' ')[0]}." if path else ""
        for key, child in node["properties"].items():
            for inner, reference in _references(f"{prefix}{key}", child):
                if homes.setdefault(reference, inner) == inner:
                    visit(inner, resolve(schema, {"$ref": reference}))

    visit("", schema)
    return blocks, homes


def _references(path: str, node: Node) -> list[tuple[str, str]]:
    """Return the references of the blocks that a key's value may be, each after the path of its section."""
    if "$ref" in node:
        return [(path, node["$ref"])]
    if "discriminator" in node:
        return [(f"{path} ({kind})", block) for kind, block in node["discriminator"]["mapping"].items()]
    entry = entries(node)
    return _references(f"{path}.<id>", entry) if entry else []


def _section(schema: Node, path: str, node: Node, homes: dict[str, str]) -> str:
    lines = [f"## {_title(path)}", "", f"{description(schema, node)}.", ""]
    lines += ["| key | value | default | what it is |", "|---|---|---|---|"]
    for key, child in node["properties"].items():
        value = ", ".join(_link(homes[reference]) for _, reference in _references(key, child)) or allowed(child)
        default = "*required*" if key in node.get("required", []) else _default(child)
        cells = (f"`{key}`", value, default, description(schema, child))
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _title(path: str) -> str:
    """Return a section's heading: "`models.<id>.source` (local)"."""
    key, _, kind = path.partition(" ")
    return f"`{key}` {kind}".rstrip() if path else "The top level"


def _link(path: str) -> str:
    anchor = re.sub(r"[^\w -]", "", _title(path).lower()).replace(" ", "-")
    return f"[{_title(path)}](#{anchor})"


def _default(node: Node) -> str:
    return f"`{json.dumps(node['default'], ensure_ascii=False)}`" if "default" in node else ""


def llamafactory_lists() -> str:
    """Return the version, templates and arguments of the installed LlamaFactory; `config.llamafactory` reads them."""
    from llamafactory.data.template import TEMPLATES
    from llamafactory.extras.env import VERSION
    from llamafactory.hparams import parser  # slow to import

    arguments = {}
    for group in parser._TRAIN_ARGS:
        annotations = typing.get_type_hints(group)
        arguments |= {field.name: _node(annotations[field.name]) for field in dataclasses.fields(group) if field.init}
    lines = [f'  "{name}": {json.dumps(arguments[name])}' for name in sorted(arguments)]
    return (
        f'{{\n "version": "{VERSION}",\n "templates": {json.dumps(sorted(TEMPLATES))},\n "arguments": {{\n'
        + ",\n".join(lines)
        + "\n }\n}\n"
    )


def _node(annotation: typing.Any) -> Node:
    """Return the JSON schema of a type; an empty one where it allows several kinds of value."""
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    parts = (set(typing.get_args(annotation)) if union else {annotation}) - {types.NoneType}
    choices = [part for part in parts if isinstance(part, type) and issubclass(part, enum.Enum)]
    if len(choices) == 1 and parts <= {choices[0], str}:
        return {"enum": [str(choice.value) for choice in choices[0]]}
    if len(parts) != 1:
        return {}
    part = parts.pop()
    if typing.get_origin(part) is typing.Literal:
        return {"enum": list(typing.get_args(part))}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": kinds[part]} if part in kinds else {}


FILES: dict[str, Callable[[], str]] = {
    "workflow/schemas/config.schema.json": editor_schema,
    "docs/configuration.md": key_list,
    "workflow/scripts/finintent/config/llamafactory.json": llamafactory_lists,
}

if __name__ == "__main__":
    for name, text in FILES.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text(), encoding="utf-8")
