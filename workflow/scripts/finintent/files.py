"""Reading and writing of JSON, JSON lines and YAML, with errors that name file and line."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from finintent.errors import DataError

Model = TypeVar("Model", bound=BaseModel)


def read_text(path: str | Path) -> str:
    """Return a UTF-8 file's text.

    Raises:
        DataError: it is missing, cannot be read, or is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except (IsADirectoryError, PermissionError) as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None


def read_json(path: str | Path) -> Any:
    """Return a JSON file's value.

    Raises:
        DataError: it does not parse; the message names the line.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from None


def read_jsonl(path: str | Path) -> list[dict[str, Any]]:
    """Return one object per non-empty line of a file.

    Raises:
        DataError: a line does not parse; the message names it.
    """
    return parse_jsonl(path, read_text(path))


def parse_jsonl(source: str | Path, text: str) -> list[dict[str, Any]]:
    """Return one object per non-empty line of a text.

    Raises:
        DataError: a line does not parse; the message names it and `source`.
    """
    return [row for _, row in numbered_jsonl(source, text)]


def numbered_jsonl(source: str | Path, text: str) -> Iterator[tuple[str, Any]]:
    """Yield the position ("FILE, line 3") and the value of each non-empty line of a text.

    Raises:
        DataError: a line does not parse; the message names it and `source`.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{source}, line {number}"
            try:
                yield where, json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{where}: not JSON ({error.msg}); expected one object a line") from None


def write_json(path: str | Path, value: Any) -> None:
    """Write a value as indented UTF-8 JSON."""
    Path(path).write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_jsonl(path: str | Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line."""
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_yaml(path: str | Path, model: type[Model]) -> Model:
    """Parse a YAML file into a pydantic model.

    Raises:
        DataError: it does not parse or validate; the message names the key, what was found and what was expected.
    """
    try:
        value = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise DataError(f"{path}: not YAML ({str(error).splitlines()[0]})") from None
    return parse(path, value, model)


def parse(source: str | Path, value: Any, model: type[Model]) -> Model:
    """Validate a value against a pydantic model.

    Raises:
        DataError: it does not validate; the message names the wrong key of `source`.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise DataError(f"{source}: {key}: {first['msg']}, found {first['input']!r}") from None


def sha256(path: str | Path) -> str:
    """Return the hex SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Return the hex SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
