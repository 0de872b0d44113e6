import pytest

from finintent.data.candidates import candidates_from_responses
from finintent.errors import DataError


def test_a_response_without_its_request_is_named(tmp_path):
    path = tmp_path / "responses.jsonl"
    path.write_text('{"generator": "x"}\n')
    with pytest.raises(DataError, match=r"responses.jsonl, line 1: request: Field required"):
        candidates_from_responses(path, "d")
