"""The files that are made from the configuration's models."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from finintent.config.reference import FILES, editor_schema, key_list
from finintent.config.schema import json_schema
from finintent.config.whole import Config

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads(editor_schema())
SHIPPED = ["config/config.yaml", "config/a10g.yaml", "tests/small_budget.yaml"]


@pytest.mark.parametrize("name", FILES)
def test_a_committed_file_is_what_the_models_give(name: str):
    assert (ROOT / name).read_text(encoding="utf-8") == FILES[name](), "run `make config-docs` and commit what it wrote"


def test_the_schema_is_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", SHIPPED)
def test_an_editor_finds_nothing_wrong_with_a_shipped_file_alone(name: str):
    jsonschema.validate(yaml.safe_load((ROOT / name).read_text(encoding="utf-8")), SCHEMA)


@pytest.mark.parametrize(
    "values",
    [
        {"sead": 1},
        {"seed": "one"},
        {"study": {"seeds": [1, 1]}},
        {"models": {"a b": {}}},
        {"models": {"m": {"source": {"type": "local", "repo_id": "a/b"}}}},
        {"training": {"lora_rank": 0}},
        {"training": {"max_steps": None}},
    ],
)
def test_an_editor_marks_a_mistake(values: dict):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, SCHEMA)


@pytest.mark.parametrize("name", SHIPPED[:2])
def test_a_shipped_file_names_the_schema(name: str):
    header = (ROOT / name).read_text(encoding="utf-8").splitlines()[0]
    path = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", header)[1]
    assert (ROOT / name).parent.joinpath(path).resolve() == ROOT / "workflow/schemas/config.schema.json"


def test_every_key_has_a_row_and_every_link_a_section():
    text = key_list()
    schema = json_schema(Config)
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    expected = [key for block in (schema, *schema["$defs"].values()) for key in block["properties"]]
    assert sorted(rows) == sorted(expected)
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
    assert len(titles) == len(anchors) == 1 + len(schema["$defs"])
