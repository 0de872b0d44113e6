"""LlamaFactory's chat templates, in which a user's text stays text even where it spells a control token.

A tokenizer reads "<|im_end|>" in a user's text as the end of the turn, unless it splits special tokens. A space after
its first character keeps it text. Training and evaluation both use these templates.
"""

import copy
import re
from typing import Any

from llamafactory.data import get_template_and_fix_tokenizer


def template_and_fixed_tokenizer(tokenizer: Any, data_args: Any) -> Any:
    """Return the template that LlamaFactory's function of a similar name returns, with users' text kept as text."""
    template = copy.copy(get_template_and_fix_tokenizer(tokenizer, data_args))
    spelled = [] if tokenizer.split_special_tokens else control_tokens(tokenizer)
    if spelled:
        template.format_user = _KeepText(template.format_user, spelled)
    return template


def control_tokens(tokenizer: Any) -> list[str]:
    """Return the texts that a tokenizer reads as control tokens, the longest first."""
    found = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    return sorted(found, key=lambda text: (-len(text), text))


class _KeepText:
    """A formatter of user turns that breaks up the control tokens in their text."""

    def __init__(self, formatter: Any, spelled: list[str]) -> None:
        self._formatter = formatter
        self._pattern = re.compile("|".join(map(re.escape, spelled)))

    def apply(self, **values: str) -> Any:
        """Return the elements of a turn, as the formatter does."""
        if "content" in values:
            values["content"] = self._broken(values["content"])
        return self._formatter.apply(**values)

    def _broken(self, text: str) -> str:
        while (broken := self._pattern.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)) != text:
            text = broken
        return text
