"""The YAML file that `finintent train` is given."""

from pathlib import Path
from typing import Any

from finintent.config.llamafactory import LIMITS, known, wrong_value
from finintent.config.schema import Node, json_schema
from finintent.config.training import Training
from finintent.errors import DataError
from finintent.files import parse_yaml, read_json, read_text


def read_arguments(path: Path) -> dict[str, Any]:
    """Return the arguments of `llamafactory-cli train` that a YAML file holds.

    Raises:
        DataError: the file is missing or holds none, a value is none that LlamaFactory takes, or what the file names is
            not there.
    """
    arguments = parse_yaml(path, read_text(path))
    if not isinstance(arguments, dict) or not arguments:
        found = "nothing" if not arguments else type(arguments).__name__
        raise DataError(f"{path}: holds {found}, expected the arguments of training; give the train.yaml of a run")
    if unknown := [str(name) for name in arguments if name not in known()["arguments"]]:
        raise DataError(f"{path}: {unknown[0]} is no argument of `llamafactory-cli train`; correct or remove it")
    for name, node in _schemas(arguments).items():
        if wrong := wrong_value(name, arguments[name], node):
            raise DataError(f"{path}: {wrong}")
    needed = {"model_name_or_path": "config.json", "dataset_dir": "dataset_info.json", "output_dir": None}
    for name, file in needed.items():
        if not isinstance(arguments.get(name), str):
            raise DataError(f"{path}: no key {name}, which has to name a folder; give the train.yaml of a run")
        if file and not (Path(arguments[name]) / file).is_file():
            raise DataError(
                f"{path}: {name} is {arguments[name]}, where there is no {file}; run it in the folder of the study, "
                "with its results in place"
            )
    read_json(Path(arguments["model_name_or_path"]) / "config.json")
    info = Path(arguments["dataset_dir"]) / "dataset_info.json"
    described = read_json(info)
    named = [
        (key, name.strip()) for key in ("dataset", "eval_dataset") for name in (arguments.get(key) or "").split(",")
    ]
    for key, name in named:
        if not name:
            continue
        if not isinstance(described, dict) or name not in described:
            raise DataError(f"{path}: {key} is {name!r}, which {info} does not describe; give the train.yaml of a run")
        file = described[name].get("file_name") if isinstance(described[name], dict) else None
        if isinstance(file, str) and not (info.parent / file).exists():
            raise DataError(f"{info}: file_name of {name!r} is {file!r}, which is not there; copy it there")
    if (template := arguments.get("template")) is not None and template not in known()["templates"]:
        raise DataError(f"{path}: template is {template!r}, which the installed LlamaFactory does not have; correct it")
    return arguments


def _schemas(arguments: dict[str, Any]) -> dict[str, Node]:
    """Return the JSON schema of each argument, with the limits that the configuration has for it."""
    limits = LIMITS | json_schema(Training)["properties"]
    if arguments.get("max_steps") == -1:  # LlamaFactory's way to say that epochs decide
        limits.pop("max_steps")
    return {name: known()["arguments"][name] | limits.get(name, {}) for name in arguments}
