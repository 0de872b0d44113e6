"""Numbers for the captions of the report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from finintent.files import read_json


class Numbers:
    """A JSON result that is read when a caption asks for a key: when the report is made, not when jobs are planned."""

    def __init__(self, path: str, find: Callable[[str], Path] = Path) -> None:
        """`find` returns where the result lies on this machine."""
        self.path, self._find = path, find

    def __getitem__(self, key: str) -> Any:
        return read_json(self._find(self.path))[key]

    def has(self, key: str) -> bool:
        """Return whether the result has a key."""
        return key in read_json(self._find(self.path))

    def __repr__(self) -> str:
        return f"Numbers({self.path!r})"

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return Numbers, (self.path,)  # a job's script gets it pickled, and reads nothing of it
