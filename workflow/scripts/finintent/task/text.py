"""What counts as text, and the form in which texts are compared."""

import re
import unicodedata
from functools import cache
from importlib.resources import files

# Control characters but for tabs and line ends, the zero-width space, the word joiner, and the byte order mark. The
# zero-width joiner and non-joiner stay: some scripts and emoji need them.
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff]")
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def cleaned(text: str) -> str:
    """Return a text without invisible characters, and without white space around it."""
    return _INVISIBLE.sub("", text).strip()


def has_text(text: str) -> bool:
    """Return whether a text has a letter or a digit, without which it is no query and no question."""
    return any(character.isalnum() for character in text)


def normalise(text: str) -> str:
    """Return a text without case, width, punctuation and spaces, in simplified characters.

    Texts are compared in this form: 銀證轉賬 is 银证转账.
    """
    folded = _VARIATION_SELECTORS.sub("", unicodedata.normalize("NFKC", text).casefold()).translate(_simplified())
    # Marks stay: in many scripts they are the vowels.
    kept = (letter for letter in folded if letter.isalnum() or unicodedata.category(letter).startswith("M"))
    return unicodedata.normalize("NFKC", "".join(kept))  # again, as a mark may have come to stand behind a letter


@cache
def _simplified() -> dict[int, str]:
    """Return the simplified form of each traditional character, from OpenCC's table."""
    table = files("opencc").joinpath("dictionary/TSCharacters.txt").read_text(encoding="utf-8-sig")
    pairs = (line.split("\t") for line in table.splitlines() if line)
    forms = {traditional: simplified.split()[0] for traditional, simplified in pairs}
    return {ord(character): forms.get(form, form) for character, form in forms.items()}  # 薴 leads to 苧, that to 苎
