"""Validation of the workflow's configuration: one sentence for each mistake, before any job runs."""

from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import relevance

from finintent.errors import ConfigError
from finintent.task.system import LINEAR_BASELINE, MAJORITY_BASELINE
from finintent.training.arguments import OWN_KEYS


def check_config(config: dict[str, Any], schema: dict[str, Any]) -> None:
    """Raise ConfigError for the most telling violation of the schema, or for an id that is not in its catalogue."""
    errors = list(Draft202012Validator(schema).iter_errors(config))
    if errors:
        raise ConfigError(_sentence(max(errors, key=relevance)))
    for kind in ("models", "datasets"):
        for name in config["study"][kind]:
            if name not in config[kind]:
                raise ConfigError(
                    f"config: study.{kind} names {name!r}, which is not in the catalogue `{kind}` "
                    f"({', '.join(config[kind])}); add it there or correct the name"
                )
    for name in config["study"]["datasets"]:
        resources = Path(config["datasets"][name]["resources"])
        if not (resources / "taxonomy.yaml").is_file():
            raise ConfigError(
                f"config: datasets.{name}.resources is {str(resources)!r}, where there is no taxonomy.yaml; "
                "give the folder that holds the data set's taxonomy, personas and prompts"
            )
    for name in config["study"]["datasets"]:
        rows, sizes = config["datasets"][name]["curation"]["train_rows"], config["study"].get("train_sizes", [])
        if sizes and max(sizes) > rows:
            raise ConfigError(
                f"config: study.train_sizes holds {max(sizes)}, but datasets.{name}.curation.train_rows is {rows}; "
                "lower the one or raise the other"
            )
    stores: dict[str, str] = {}
    for name, data in config["datasets"].items():
        generation = data["generation"]
        if generation["backend"] not in generation:
            raise ConfigError(
                f"config: datasets.{name}.generation.backend is {generation['backend']!r}, but there is no block of "
                "that name beside it; add it, or choose another backend"
            )
        evaluation = data["evaluation"]
        for key, block in (
            ("generation.anthropic", generation.get("anthropic")),
            ("evaluation.claude", evaluation.get("claude")),
        ):
            if block and (other := stores.setdefault(block["store"], f"{name}.{key}")) != f"{name}.{key}":
                raise ConfigError(
                    f"config: datasets.{name}.{key} and datasets.{other} share the store {block['store']!r}; give each "
                    "its own"
                )
        source, needed = evaluation.get("source", "local"), {"local": "path", "openfindata": "task"}
        if needed[source] not in evaluation:
            raise ConfigError(
                f"config: datasets.{name}.evaluation lacks the key {needed[source]!r}, which its source {source!r} "
                "needs; add it"
            )
    for name in (LINEAR_BASELINE, MAJORITY_BASELINE):
        if name in config["models"]:
            raise ConfigError(f"config: models.{name} has the name of a baseline; choose another")
    for name, model in config["models"].items():
        source = model["source"]
        used = name in config["study"]["models"]
        if used and source["type"] == "local" and not (Path(source["path"]) / "config.json").is_file():
            raise ConfigError(
                f"config: models.{name}.source.path is {source['path']!r}, where there is no config.json; give the "
                "folder of a Hugging Face model"
            )
        if "vocabulary" in model and source["type"] != "pypi_gguf":
            raise ConfigError(f"config: models.{name}.vocabulary works for GGUF sources only; remove it")
        if "template" not in model and source.get("convert") != "baichuan2":
            raise ConfigError(
                f"config: models.{name} lacks the key 'template', which only a converted Baichuan2 can do without, "
                "whose tokenizer brings the prompt; add LlamaFactory's name of it"
            )
    ranges = {
        f"datasets.{name}.curation": ("characters", data["curation"]) for name, data in config["datasets"].items()
    }
    for key, (unit, block) in (ranges | {"baseline": ("ngram", config.get("baseline", {}))}).items():
        low, high = block.get(f"min_{unit}", 1), block.get(f"max_{unit}", float("inf"))
        if low > high:
            raise ConfigError(f"config: {key}.min_{unit} is {low}, above {key}.max_{unit}, which is {high}")
    blocks = {"training": config.get("training", {})} | {
        f"models.{name}.training": model.get("training", {}) for name, model in config["models"].items()
    }
    for key, block in blocks.items():
        options = block.get("llamafactory", {}).keys()
        if clash := sorted(OWN_KEYS & options):
            raise ConfigError(f"config: {key}.llamafactory.{clash[0]} is set by the workflow itself; remove it")
        if clash := sorted(schema["properties"]["training"]["properties"].keys() & options):
            raise ConfigError(f"config: {key}.llamafactory.{clash[0]} has a key of its own: write {key}.{clash[0]}")


def _sentence(error: Any) -> str:
    key = ".".join(str(part) for part in error.absolute_path) or "the top level"
    if error.validator == "additionalProperties":
        unknown = sorted(set(error.instance) - set(error.schema.get("properties", {})))
        known = ", ".join(sorted(error.schema.get("properties", {})))
        return f"config: {key} has the unknown key {unknown[0]!r}; the known ones are {known}"
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"config: {key} lacks the key {missing[0]!r}: {_description(error.schema, missing[0])}"
    if error.validator == "oneOf":
        return _sentence(_of_its_type(error))
    if error.validator_value == error.schema.get("pattern") and "propertyNames" in error.absolute_schema_path:
        return f"config: {key} has the id {error.instance!r}, expected one that matches {error.validator_value}"
    expected = {"type": "a value of type {}", "enum": "one of {}", "pattern": "text that matches {}"}.get(
        error.validator, error.validator + " {}"
    )
    return f"config: {key} is {error.instance!r}, expected {expected.format(error.validator_value)}"


def _of_its_type(error: Any) -> Any:
    """Return what is wrong with a value under that alternative of a oneOf that its `type` names."""
    kinds = [alternative["properties"]["type"]["const"] for alternative in error.schema["oneOf"]]
    kind = error.instance.get("type")
    if kind not in kinds:
        error.validator, error.validator_value, error.instance = "enum", kinds, kind
        error.path.append("type")
        return error
    return max((inner for inner in error.context if inner.schema_path[0] == kinds.index(kind)), key=relevance)


def _description(schema: dict[str, Any], key: str) -> str:
    return schema.get("properties", {}).get(key, {}).get("description", "see config/README.md")
