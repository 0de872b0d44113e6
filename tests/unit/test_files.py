import pytest
from pydantic import BaseModel

from finintent.errors import DataError
from finintent.files import (
    digest,
    numbered_jsonl,
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


def test_a_broken_document_is_named(tmp_path):
    (tmp_path / "a.json").write_text('{"a":\n]')
    with pytest.raises(DataError, match=r"a\.json, line 2: not JSON"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.yaml").write_text("left: [1")
    with pytest.raises(DataError, match=r"a\.yaml: not YAML"):
        read_yaml(tmp_path / "a.yaml", Pair)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("left: one", r"a\.yaml: left: .*integer.*, found 'one'"),
        ("{left: 1, right: {x: y}}", r"a\.yaml: right\.x: .*, found 'y'"),
        ("{right: {}}", r"a\.yaml: left: Field required"),
        ("- 1", r"a\.yaml: the whole file: .*, found \[1\]"),
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
