"""Reading and writing of text, JSON, JSON lines and YAML, with errors that name file and line."""

import codecs
import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from finintent.errors import DataError

Model = TypeVar("Model", bound=BaseModel)
logger = logging.getLogger(__name__)

BYTE_ORDER_MARKS = {  # in this order: a mark of UTF-32 begins with one of UTF-16
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ODD_INTEGER = re.compile("[-+]?0[0-7_]+$|.*:")
# Group 1 is an escape to keep: of a backslash, of a whole pair, of any other character.
_ESCAPE = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_EXPECTED = {  # what a type of pydantic's errors means, in the words of a user
    "extra_forbidden": "no such key; remove it or correct its name",
    "string_type": "expected text",
    "string_pattern_mismatch": "expected text that matches {pattern}",
    "string_too_short": "expected text of at least {min_length} characters",
    "int_type": "expected an integer",
    "int_parsing": "expected an integer",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "dict_type": "expected a map of keys and values",
    "model_type": "expected a map of keys and values",
    "literal_error": "expected {expected}",
    "too_short": "expected at least {min_length} entries",
}


def read_text(path: str | Path) -> str:
    """Return a text file's text, whatever editor or spreadsheet saved it: see `decode`.

    Raises:
        DataError: it is missing, cannot be read, or is in no known encoding.
    """
    return decode(path, read_bytes(path))


def read_bytes(path: str | Path) -> bytes:
    """Return a file's content.

    Raises:
        DataError: it is missing or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', error)}); check the path") from None


def decode(source: str | Path, content: bytes) -> str:
    """Return a file's text: UTF-8 with or without a byte order mark, UTF-16 or UTF-32 with one, else GB18030.

    GB18030, in which Chinese versions of Windows save text, is read with a warning, and only where the result reads as
    Chinese: almost any bytes are characters in it.

    Raises:
        DataError: it is in none of these.
    """
    marked = (encoding for mark, encoding in BYTE_ORDER_MARKS.items() if content.startswith(mark))
    encoding = next(marked, "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        reason = f"{error.reason} at byte {error.start}"
    with suppress(UnicodeDecodeError):
        text = content.decode("gb18030")
        if encoding == "utf-8" and _reads_as_chinese(text):
            logger.warning("%s: not UTF-8 (%s), read as GB18030; save it as UTF-8 to be sure", source, reason)
            return text
    raise DataError(f"{source}: not {encoding.removesuffix('-sig').upper()} ({reason}); save it as UTF-8")


def _reads_as_chinese(text: str) -> bool:
    """Return whether most of a text's characters beyond ASCII are common Chinese ones (those of GB 2312)."""
    beyond = [character for character in text if not character.isascii()]
    common = sum(len(character.encode("gb2312", "ignore")) > 0 for character in beyond)
    return 2 * common > len(beyond)


def read_json(path: str | Path) -> Any:
    """Return a JSON file's value.

    Raises:
        DataError: it does not parse; the message names the line.
    """
    return parse_json(path, read_text(path))


def parse_json(source: str | Path, text: str, advice: str = "") -> Any:
    """Return the value of a JSON text; half of a surrogate pair, which no text file can hold, becomes U+FFFD.

    Args:
        source: what the text is of, for the error.
        text: the JSON.
        advice: the end of the error's sentence.

    Raises:
        DataError: it does not parse, or a key stands twice in an object; the message names the line where there are
            several.
    """
    try:
        return json.loads(without_half_pairs(text), object_pairs_hook=_distinct_keys)
    except _RepeatedKeyError as error:
        raise DataError(
            f"{source}: the key {one_line(repr(str(error)))} stands twice in one object; only the last of them would "
            f"count: remove one{advice}"
        ) from None
    except json.JSONDecodeError as error:
        line = f", line {error.lineno}" if "\n" in text.strip() else ""
        raise DataError(f"{source}{line}: not JSON ({error.msg}){advice}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise DataError(f"{source}: not JSON that can be read ({one_line(error)}){advice}") from None


class _RepeatedKeyError(Exception):
    """A key that an object has twice."""


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKeyError(next(key for key in keys if keys.count(key) > 1))
    return found


def without_half_pairs(json_text: str) -> str:
    """Return a JSON text in which U+FFFD stands for each escape of half a surrogate pair."""
    return _ESCAPE.sub(lambda match: match[1] or r"\ufffd", json_text) if r"\u" in json_text else json_text


def read_jsonl(path: str | Path) -> list[dict[str, Any]]:
    """Return one object per non-empty line of a file.

    Raises:
        DataError: a line does not parse; the message names it.
    """
    return [row for _, row in numbered_jsonl(path, read_text(path))]


def numbered_jsonl(source: str | Path, text: str) -> Iterator[tuple[str, Any]]:
    """Yield the position ("FILE, line 3") and the value of each non-empty line of a text.

    Raises:
        DataError: a line does not parse; the message names it and `source`.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line := line.strip("\ufeff \t\r"):  # files with a mark may have been joined
            where = f"{source}, line {number}"
            yield where, parse_json(where, line, "; expected one object a line")


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
    return parse(path, parse_yaml(path, read_text(path)), model)


def parse_yaml(source: str | Path, text: str) -> Any:
    """Return the value of a YAML text.

    Raises:
        DataError: it does not parse, a key stands twice in a map, or a number is not what it looks like.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _refuse_surprises(source, node)
        return None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DataError(f"{source}{line}: not YAML ({problem})") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # Such as a 13th month; PyYAML does not wrap what its constructors raise.
        raise DataError(f"{source}: not YAML that can be read ({one_line(error)})") from None


def _refuse_surprises(source: str | Path, root: yaml.Node | None) -> None:
    """Refuse what YAML reads as something else than a person would: the last of two equal keys, and 042 as 34."""
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue  # an alias
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:int" and _ODD_INTEGER.match(node.value):
            line = node.start_mark.line + 1
            raise DataError(
                f"{source}, line {line}: {node.value} is another number in YAML, with base 8 or 60; write it without a "
                "zero before it and without a colon, or in quotes if it is text"
            )
        if isinstance(node, yaml.SequenceNode):
            pending += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                pending += [key, value]
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    line, name = key.start_mark.line + 1, (key.tag, key.value)
                    if name in lines:
                        raise DataError(
                            f"{source}, line {line}: the key {one_line(key.value)!r} stands in line {lines[name]} too; "
                            "only the last of them would count: join them, or remove one"
                        )
                    lines[name] = line


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
        if first["type"] == "value_error":  # of a validator of the model, whose message tells what was found
            raise DataError(f"{source}: {key}: {first['msg'].removeprefix('Value error, ')}") from None
        if first["type"] == "missing":
            raise DataError(f"{source}: {key} is missing, found {one_line(repr(first['input']))}") from None
        expected = _EXPECTED.get(first["type"], first["msg"]).format(**first.get("ctx", {}))
        wants_text = first["type"] == "string_type" and isinstance(first["input"], bool | int | float | date)
        advice = "; put it in quotes" if wants_text else ""
        raise DataError(f"{source}: {key}: {expected}, found {one_line(repr(first['input']))}{advice}") from None


def one_line(value: object, most: int = 80) -> str:
    """Return a value as text of one line and at most `most` characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def sha256(path: str | Path) -> str:
    """Return the hex SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Return the hex SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
