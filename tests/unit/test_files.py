from contextlib import nullcontext

import pytest
from pydantic import BaseModel

from finintent.errors import DataError
from finintent.files import (
    decode,
    digest,
    numbered_jsonl,
    parse_json,
    parse_yaml,
    read_json,
    read_jsonl,
    read_text,
    read_yaml,
    sha256,
    write_json,
    write_jsonl,
)


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a":\n')
    with pytest.raises(DataError, match=r"rows.jsonl, line 2: not JSON"):
        read_jsonl(path)


class Pair(BaseModel):
    left: int
    right: dict[str, int] = {}
    name: str = ""


def test_what_was_written_is_read(tmp_path):
    value = {"question": "基金 \u2028 \n", "n": [1, None, 0.5]}
    write_json(tmp_path / "a.json", value)
    write_jsonl(tmp_path / "a.jsonl", [value, value])
    assert read_json(tmp_path / "a.json") == value
    assert read_jsonl(tmp_path / "a.jsonl") == [value, value]  # U+2028 ends no line
    assert "基金" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 au lait")
    with pytest.raises(DataError, match=r"latin\.txt: not UTF-8 \(.* at byte 3\); save it as UTF-8"):
        read_text(tmp_path / "latin.txt")
    with pytest.raises(DataError, match=r"none\.txt: no such file; check the path"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        read_text(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])
def test_text_is_read_whatever_editor_saved_it(tmp_path, encoding: str, caplog):
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "a.txt").write_bytes(f"{mark}code: 股票\r\n".encode(encoding))
    assert read_text(tmp_path / "a.txt") == "code: 股票\r\n"
    assert ("read as GB18030" in caplog.text) == (encoding == "gb18030")


@pytest.mark.parametrize("text", ["Überfälle", "Grüße aus Köln", "¿dónde está?"])
def test_latin_text_is_not_taken_for_chinese(text: str):
    with pytest.raises(DataError, match="not UTF-8"):
        decode("a.txt", text.encode("cp1252"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"half \ud83d"', "half \ufffd"),
        (r'"half \ude00\ud83d"', "half \ufffd\ufffd"),
        (r'"whole \ud83d\ude00"', "whole \U0001f600"),
        (r'"no escape \\ud83d"', r"no escape \ud83d"),
    ],
)
def test_half_a_surrogate_pair_becomes_a_replacement_character(tmp_path, text: str, value: str):
    assert parse_json("a", text) == value
    write_json(tmp_path / "a.json", parse_json("a", text))  # which half a pair would not allow


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, "{'a': 1}", "[1,]"])
def test_json_that_cannot_be_read_is_named(text: str):
    with pytest.raises(DataError, match=r"^f: not JSON"):
        parse_json("f", text)


def test_lines_of_files_that_were_joined_are_read():
    assert list(numbered_jsonl("f", "\ufeff1\r\n\ufeff2\r\n")) == [("f, line 1", 1), ("f, line 2", 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("left: 1\nright: {}\nleft: 2\n", r"^f, line 3: the key 'left' stands in line 1 too"),
        ("right: {x: 1, y: 2,\n x: 3}", r"^f, line 2: the key 'x' stands in line 1 too"),
        ("right: {x: 1, x: 3}", r"^f, line 1: the key 'x' stands in line 1 too"),
        ("- {a: 1}\n- b:\n  - c: 1\n    c: 1", r"^f, line 4: the key 'c' stands in line 3 too"),
        ("a: &a {b: 1}\nc: {<<: *a, b: 2}\nd: *a", None),
        ("seed: 042", r"^f, line 1: 042 is another number in YAML, with base 8 or 60"),
        ("time: 1:30", r"^f, line 1: 1:30 is another number"),
        ('time: ["1:30", "042", 0, 10, 0.5]', None),
        ("left: 2024-13-40", r"^f: not YAML that can be read"),
        ("left: !!bool 7", r"^f: not YAML that can be read"),
        ("left: \x00", r"^f.*: not YAML"),
        ("[" * 3000, r"^f.*: not YAML"),
    ],
)
def test_a_key_that_stands_twice_is_refused(text: str, message: str | None):
    with pytest.raises(DataError, match=message) if message else nullcontext():
        parse_yaml("f", text)


def test_a_broken_document_is_named(tmp_path):
    (tmp_path / "a.json").write_text('{"a":\n]')
    with pytest.raises(DataError, match=r"a\.json, line 2: not JSON"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.yaml").write_text("left: [1")
    with pytest.raises(DataError, match=r"a\.yaml, line 1: not YAML"):
        read_yaml(tmp_path / "a.yaml", Pair)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("left: one", r"a\.yaml: left: .*integer.*, found 'one'"),
        ("{left: 1, right: {x: y}}", r"a\.yaml: right\.x: .*, found 'y'"),
        ("{right: {}}", r"a\.yaml: left is missing"),
        ("- 1", r"a\.yaml: the whole file: .*, found \[1\]"),
        ("{left: 1, name: yes}", r"a\.yaml: name: .*, found True; put it in quotes"),
        ("left: [" + "xy, " * 900 + "]", r"^[^\n]{0,200}…$"),
    ],
)
def test_a_wrong_key_is_named(tmp_path, text: str, message: str):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DataError, match=message):
        read_yaml(tmp_path / "a.yaml", Pair)


def test_lines_are_numbered_with_the_blank_ones():
    assert list(numbered_jsonl("f", '1\n\n{"a": 2}\n')) == [("f, line 1", 1), ("f, line 3", {"a": 2})]


def test_a_digest_does_not_depend_on_the_order_of_keys(tmp_path):
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1, "b": [1, 2]}) != digest({"a": 1, "b": [2, 1]})
    (tmp_path / "empty").touch()
    assert sha256(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
