"""Numbers for the captions of the report."""

from pathlib import Path
from typing import Any

from finintent.files import read_json


class Numbers:
    """A JSON result that is read when a caption asks for a key: when the report is made, not when jobs are planned."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __getitem__(self, key: str) -> Any:
        return read_json(Path(self.path))[key]

    def has(self, key: str) -> bool:
        """Return whether the result has a key."""
        return key in read_json(Path(self.path))

    def __repr__(self) -> str:
        return f"Numbers({self.path!r})"
