from pathlib import Path

import pytest

from finintent.errors import DataError
from finintent.files import write_json
from finintent.report.captions import Numbers


def test_a_result_is_read_when_a_key_is_asked_for(tmp_path: Path):
    path = tmp_path / "summary.json"
    numbers = Numbers(str(path))  # jobs are planned before the file is there
    assert repr(numbers) == f"Numbers({str(path)!r})"
    with pytest.raises(DataError, match=r"summary\.json: no such file"):
        numbers["questions"]
    write_json(path, {"questions": 235})
    assert numbers["questions"] == 235
    assert (numbers.has("questions"), numbers.has("seeds")) == (True, False)
    write_json(path, {"questions": 75})
    assert numbers["questions"] == 75
