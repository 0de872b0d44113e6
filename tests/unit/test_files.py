import pytest

from finintent.errors import DataError
from finintent.files import read_jsonl


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a":\n')
    with pytest.raises(DataError, match=r"rows.jsonl, line 2: not JSON"):
        read_jsonl(path)
