"""Reducing a BPE vocabulary to the pieces that a task's text can use, without changing how that text is encoded.

A BPE encoder only builds pieces that are substrings of its input. Suppose that every piece is kept that consists of
digits, characters of the kept ranges, and runs of at most N ASCII characters. Then any text that consists of these is
encoded into the same pieces as by the whole vocabulary. Other text is encoded into shorter pieces and bytes.
"""

import re
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

WORD_BOUNDARY = "▁"  # sentencepiece's mark for a space


class Reach(BaseModel):
    """The text that must be encoded as by the whole vocabulary (`vocabulary` of a model's configuration).

    Attributes:
        ranges: first and last code point of each kept range, as hexadecimal text.
        max_ascii_run: the longest kept run of ASCII characters that are not digits.
        pieces: further pieces, such as the role names of the chat template.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    ranges: tuple[tuple[str, str], ...]
    max_ascii_run: int = Field(ge=1)
    pieces: tuple[str, ...] = ()

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        free = "0-9" + "".join(f"{chr(int(low, 16))}-{chr(int(high, 16))}" for low, high in self.ranges)
        run = rf"[\x00-\x2f\x3a-\x7f{WORD_BOUNDARY}]{{1,{self.max_ascii_run}}}"
        return re.compile(rf"(?:{run})?(?:[{free}]+(?:{run})?)*")

    def covers(self, text: str) -> bool:
        """Return whether a text or a piece is within reach."""
        return self._pattern.fullmatch(text.replace(" ", WORD_BOUNDARY)) is not None
