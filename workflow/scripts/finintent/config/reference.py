"""The files that are made from the configuration's models: the JSON schema for editors, and the list of all keys.

Run as a command at the root of the repository, it writes them.
"""

import json
import re
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


FILES: dict[str, Callable[[], str]] = {
    "workflow/schemas/config.schema.json": editor_schema,
    "docs/configuration.md": key_list,
}

if __name__ == "__main__":
    for name, text in FILES.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text(), encoding="utf-8")
