"""A GGUF source names one place, in full."""

import pytest
from pydantic import ValidationError

from finintent.config.gguf import GgufSource

SHA256 = "b" * 64
HUB = {"repo_id": "a/b", "revision": "a" * 40, "filename": "m.gguf"}


@pytest.mark.parametrize(
    ("place", "downloaded"),
    [({"wheels": {"a==1": "c" * 64}}, True), (HUB, True), ({"package": "p"}, False), ({"path": "m.gguf"}, False)],
)
def test_one_place_is_enough(place: dict, downloaded: bool):
    assert GgufSource(sha256=SHA256, **place).downloaded is downloaded


def test_a_path_is_written_as_text():
    assert GgufSource(sha256=SHA256, path="a/m.gguf").model_dump()["path"] == "a/m.gguf"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "has none of them, expected one of wheels, package, repo_id, path"),
        ({"package": "p", "path": "m.gguf"}, "has package and path, expected one of"),
        (HUB | {"revision": None}, "revision"),
        ({key: HUB[key] for key in ("repo_id", "revision")}, "lacks revision or filename"),
        ({"wheels": {"a": "c" * 64}}, "wheels"),
        ({"wheels": {}}, "wheels"),
    ],
)
def test_no_place_two_places_or_half_a_place_are_refused(keys: dict, message: str):
    with pytest.raises(ValidationError, match=message):
        GgufSource(sha256=SHA256, **keys)
