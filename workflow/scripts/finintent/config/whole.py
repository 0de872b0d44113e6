"""The whole configuration: its blocks, the checks across blocks, and its defaults."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from finintent.config.baseline import Baseline
from finintent.config.block import Block
from finintent.config.datasets import Dataset
from finintent.config.encoder import EncoderTraining
from finintent.config.gpu import Gpu
from finintent.config.llamafactory import check_argument, check_template
from finintent.config.mistakes import sentence
from finintent.config.models import LocalFolder, Model
from finintent.config.schema import json_schema
from finintent.config.scoring import Scoring
from finintent.config.study import Study
from finintent.config.training import Recipe, Training
from finintent.errors import ConfigError

PATHS = frozenset({"path", "resources", "responses", "store"})  # keys whose value is a path


class Config(Block):
    """The configuration of a study."""

    study: Study
    seed: int = Field(
        42,
        ge=0,
        lt=2**32,
        description="seed of the split, of the orders of options, of the bootstrap and of the baseline",
    )
    keep_merged: bool = Field(True, description="whether tuned models stay once they are evaluated")
    models: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], Model] = Field(
        min_length=1, description="the catalogue of models, by id"
    )
    datasets: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Dataset] = Field(
        min_length=1, description="the catalogue of data sets, by id"
    )
    recipes: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]*$")], Recipe] = Field(
        min_length=1, description="the catalogue of recipes, by id"
    )
    training: Training
    encoder: EncoderTraining = EncoderTraining()
    gpu: Gpu = Gpu()
    scoring: Scoring = Scoring()
    baseline: Baseline = Baseline()


def complete_config(
    values: dict[str, Any], *, set_by_workflow: Collection[str], baselines: Collection[str]
) -> dict[str, Any]:
    """Return a configuration with its defaults, as plain JSON values with sorted keys.

    An optional block or key without a default stays absent. A recipe and a model's own settings hold only what was set.

    Args:
        values: the configuration as Snakemake read it.
        set_by_workflow: LlamaFactory's arguments that the workflow sets itself.
        baselines: names that no model may have.

    Raises:
        ConfigError: the first mistake, in one sentence.
    """
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(sentence(error.errors(), json_schema(Config))) from None
    _check_study(config)
    _check_stores(config)
    for name in baselines:
        if name in config.models:
            raise ConfigError(f"config: models.{name} has the name of a baseline; choose another")
    _check_arguments(config, set_by_workflow)
    # Snakemake compares parameters by their text: the order of keys must not matter.
    complete = json.loads(json.dumps(config.model_dump(mode="json", exclude_none=True), sort_keys=True))
    _check_paths(complete)
    return complete


def _check_paths(block: dict[str, Any], place: str = "") -> None:
    """Check that no path has braces, which Snakemake takes for wildcards."""
    for key, value in block.items():
        if isinstance(value, dict):
            _check_paths(value, f"{place}{key}.")
        elif key in PATHS and isinstance(value, str) and {"{", "}"} & set(value):
            raise ConfigError(
                f"config: {place}{key} is {value!r}, with braces, which Snakemake takes for wildcards; rename the "
                "folder or file, or make a link to it"
            )


def _check_study(config: Config) -> None:
    """Check that what the study names is in the catalogues and on this machine."""
    catalogues = {"models": config.models, "recipes": config.recipes, "datasets": config.datasets}
    for kind, catalogue in catalogues.items():
        for name in getattr(config.study, kind):
            if name not in catalogue:
                raise ConfigError(
                    f"config: study.{kind} names {name!r}, which is not in the catalogue `{kind}` "
                    f"({', '.join(catalogue)}); add it there or correct the name"
                )
    for name in config.study.recipe_sizes:
        if name not in config.study.recipes:
            raise ConfigError(
                f"config: study.recipe_sizes names {name!r}, which is not in study.recipes "
                f"({', '.join(config.study.recipes)}); add it there or remove it here"
            )
    sizes = {"train_sizes": config.study.train_sizes} | {
        f"recipe_sizes.{name}": listed for name, listed in config.study.recipe_sizes.items()
    }
    for name in config.study.datasets:
        dataset = config.datasets[name]
        if not (Path(dataset.resources) / "taxonomy.yaml").is_file():
            raise ConfigError(
                f"config: datasets.{name}.resources is {dataset.resources!r}, where there is no taxonomy.yaml; "
                "give the folder that holds the data set's taxonomy, personas and prompts"
            )
        if dataset.generation.backend == "anthropic" and not (Path(dataset.resources) / "personas.yaml").is_file():
            raise ConfigError(
                f"config: datasets.{name}.generation.backend is 'anthropic', but {dataset.resources} holds no "
                "personas.yaml, which Claude needs to write in several voices; add it, or choose another backend"
            )
        for key, listed in sizes.items():
            if listed and max(listed) > dataset.curation.train_rows:
                raise ConfigError(
                    f"config: study.{key} holds {max(listed)}, but datasets.{name}.curation.train_rows is "
                    f"{dataset.curation.train_rows}; lower the one or raise the other"
                )
    for name in config.study.models:
        source = config.models[name].source
        if isinstance(source, LocalFolder) and not (Path(source.path) / "config.json").is_file():
            adapter = (Path(source.path) / "adapter_config.json").is_file()
            raise ConfigError(
                f"config: models.{name}.source.path is {source.path!r}, where there is no config.json; "
                + (
                    "it is an adapter (adapter_config.json): merge it into its base model, or give the base's folder"
                    if adapter
                    else "give the folder of a Hugging Face model"
                )
            )


def _check_stores(config: Config) -> None:
    """Check that no two blocks keep answers in one file."""
    owners: dict[str, str] = {}
    for name, dataset in config.datasets.items():
        blocks = {"generation.anthropic": dataset.generation.anthropic, "evaluation.claude": dataset.evaluation.claude}
        for key, block in blocks.items():
            if block and (owner := owners.setdefault(block.store, f"{name}.{key}")) != f"{name}.{key}":
                raise ConfigError(
                    f"config: datasets.{name}.{key} and datasets.{owner} share the store {block.store!r}; give each "
                    "its own"
                )


def _check_arguments(config: Config, set_by_workflow: Collection[str]) -> None:
    """Check LlamaFactory's names and values, in its further arguments also that none has a key of its own."""
    for name, model in config.models.items():
        if model.template is not None:
            check_template(f"models.{name}.template", model.template)
    blocks = {
        "training": config.training,
        **{f"recipes.{name}": recipe for name, recipe in config.recipes.items()},
        **{f"models.{name}.training": model.training for name, model in config.models.items()},
    }
    for key, block in blocks.items():
        if block.lr_scheduler_type is not None:
            check_argument(f"{key}.lr_scheduler_type", "lr_scheduler_type", block.lr_scheduler_type)
        for name, value in sorted(block.llamafactory.items()):
            path = f"{key}.llamafactory.{name}"
            if name in set_by_workflow:
                raise ConfigError(f"config: {path} is set by the workflow itself; remove it")
            if name in type(block).model_fields:
                raise ConfigError(f"config: {path} has a key of its own: write {key}.{name}")
            check_argument(path, name, value)
