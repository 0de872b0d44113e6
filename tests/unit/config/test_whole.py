"""The whole configuration: defaults, plain values, and what its blocks must agree on."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from finintent.config.whole import complete_config
from finintent.errors import ConfigError


def complete(values: dict) -> dict:
    return complete_config(values, set_by_workflow={"output_dir"}, baselines=("linear",))


def test_defaults_are_filled_in_and_optional_blocks_stay_absent(values: dict):
    config = complete(values)
    assert config["seed"] == 42
    assert config["keep_merged"] is True
    assert config["gpu"] == {}
    assert config["scoring"]["permutations"] == 5
    assert config["models"]["m"] == values["models"]["m"] | {"kind": "causal", "training": {}, "encoder": {}}
    dataset = config["datasets"]["d"]
    assert dataset["evaluation"] == {"source": "local", "path": "eval.json", "marker": ""}
    assert dataset["generation"] == values["datasets"]["d"]["generation"]
    assert "publication" not in dataset
    assert "max_steps" not in config["training"]


def test_a_recipe_holds_its_form_its_preset_and_what_was_set(values: dict):
    values["recipes"]["r"]["learning_rate"] = 2.0e-4
    recipe = complete(values)["recipes"]["r"]
    assert recipe == {"answer": "letter", "shuffle_options": False, "preset": "fast", "learning_rate": 2.0e-4}


def test_the_result_is_plain_json_with_sorted_keys_and_needs_no_second_pass(values: dict):
    config = complete(values)
    assert json.dumps(config) == json.dumps(json.loads(json.dumps(config)), sort_keys=True)
    assert complete(config) == config


def test_neither_the_order_of_keys_nor_the_form_of_a_number_changes_the_text(values: dict):
    values["training"] = {"learning_rate": 1.0, "lora_dropout": 0}
    other = copy.deepcopy(dict(reversed(values.items())))
    other["training"] = {"lora_dropout": 0.0, "learning_rate": 1}
    assert str(complete(values)) == str(complete(other))


def test_what_was_read_is_left_as_it_was(values: dict):
    before = copy.deepcopy(values)
    complete(values)
    assert values == before


def second_dataset(values: dict) -> None:
    values["datasets"]["e"] = copy.deepcopy(values["datasets"]["d"])
    for name, key in (("d", "anthropic"), ("e", "anthropic")):
        values["datasets"][name]["generation"][key] = {"store": "one.jsonl", "model": "m"}


def edit(*path: str, value: object) -> Callable[[dict], None]:
    def change(values: dict) -> None:
        for key in path[:-1]:
            values = values[key]
        values[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            edit("study", "models", value=["m", "n"]),
            "study.models names 'n', which is not in the catalogue `models` (m)",
        ),
        (edit("study", "datasets", value=["e"]), "study.datasets names 'e', which is not in the catalogue"),
        (
            edit("study", "train_sizes", value=[10, 30]),
            "study.train_sizes holds 30, but datasets.d.curation.train_rows",
        ),
        (edit("datasets", "d", "resources", value="x"), "datasets.d.resources is 'x', where there is no taxonomy.yaml"),
        (
            edit("models", "m", "source", "path", value="x"),
            "models.m.source.path is 'x', where there is no config.json",
        ),
        (
            edit(
                "datasets",
                "d",
                "generation",
                value={"backend": "anthropic", "anthropic": {"store": "s", "model": "m"}},
            ),
            "datasets.d.generation.backend is 'anthropic', but resources holds no personas.yaml",
        ),
        (edit("study", "recipes", value=["s"]), "study.recipes names 's', which is not in the catalogue `recipes` (r)"),
        (
            edit("study", "recipe_sizes", value={"s": [10]}),
            "study.recipe_sizes names 's', which is not in study.recipes (r)",
        ),
        (edit("study", "recipe_sizes", value={"r": [30]}), "study.recipe_sizes.r holds 30, but datasets.d.curation."),
        (
            edit("recipes", "r", "llamafactory", value={"shuffle_options": True}),
            "recipes.r.llamafactory.shuffle_options has a key of its own: write recipes.r.shuffle_options",
        ),
        (second_dataset, "datasets.e.generation.anthropic and datasets.d.generation.anthropic share the store"),
        (
            edit("models", "linear", value={"source": {"type": "local", "path": "x"}, "template": "gemma"}),
            "of a baseline",
        ),
        (edit("training", "llamafactory", value={"output_dir": 1}), "training.llamafactory.output_dir is set by the"),
        (
            edit("models", "m", "training", value={"llamafactory": {"lora_rank": 1}}),
            "models.m.training.llamafactory.lora_rank has a key of its own: write models.m.training.lora_rank",
        ),
    ],
)
def test_blocks_that_contradict_each_other_are_refused(values: dict, change: Callable, message: str):
    complete(values)
    change(values)
    with pytest.raises(ConfigError) as error:
        complete(values)
    assert str(error.value).startswith("config: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "path",
    [
        ("models", "m", "source", "path"), ("datasets", "d", "resources"), ("datasets", "d", "evaluation", "path"),
        ("datasets", "d", "generation", "recorded", "responses"),
    ],
)  # fmt: skip
def test_braces_in_a_path_are_refused(values: dict, path: tuple[str, ...]):
    for folder, file in (("a{b}c", "config.json"), ("a{b}c", "taxonomy.yaml")):
        Path(folder).mkdir(exist_ok=True)
        Path(folder, file).touch()
    edit(*path, value="a{b}c")(values)
    with pytest.raises(
        ConfigError, match=rf"config: {'.'.join(path)} is 'a{{b}}c', with braces, which Snakemake takes"
    ):
        complete(values)


def test_an_adapter_is_told_from_a_model(values: dict):
    Path("adapter").mkdir()
    Path("adapter/adapter_config.json").touch()
    values["models"]["m"]["source"]["path"] = "adapter"
    with pytest.raises(
        ConfigError, match=r"it is an adapter \(adapter_config.json\): merge it into its base model, or"
    ):
        complete(values)


def test_what_the_study_does_not_name_need_not_be_on_this_machine(values: dict):
    values["models"]["n"] = {"source": {"type": "local", "path": "nowhere"}, "template": "gemma"}
    values["datasets"]["e"] = values["datasets"]["d"] | {"resources": "nowhere"}
    assert complete(values)["models"]["n"]["source"]["path"] == "nowhere"
