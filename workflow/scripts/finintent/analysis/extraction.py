"""How raw output text becomes an option: one function a scorer, by the name that peers know it by."""

import re
import unicodedata
from collections.abc import Callable

from finintent.task.taxonomy import LETTERS

HALF_WIDTH = {ord(letter) + 0xFEE0: letter for letter in LETTERS + LETTERS.lower()}
_WORD = "0-9A-Za-zÀ-ɏ"  # what makes a Latin word of the letter beside it: "ETF", "B2", and with a hyphen "A-share"
_GLUED = "股类轮级端"  # what makes a Chinese word of the letter before it: "A股"
# Scripts without spaces between words, or with endings attached to them: Thai, Chinese, Japanese, Korean.
_UNSPACED = "\u0e00-\u0eff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORD_BEFORE = rf"(?<![{_WORD}])(?<![{_WORD}]['’-])"


def greedy(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return the one option letter that an answer names, or None where it names none or several.

    A letter is named when it ends a run of letters and digits ("B. …", "选项E：", but neither "ETF" nor "A股"), or when
    the run says that it is one ("选B吧", "B选项"); other letters of such a run are named too ("A或B" names two). With
    `names` (option text by letter) a letter glued to its own option is named as well (B followed by "yes"). Full-width
    letters count, lower case only as the whole answer.
    """
    text = text.translate(HALF_WIDTH)
    runs = re.findall(r"[^\W_]+", text)
    if len(runs) == 1 and len(runs[0]) == 1:
        text = text.upper()
    letter = f"[{''.join(letters)}](?![{_GLUED}])"
    lone = rf"{_WORD_BEFORE}{letter}(?!['’-]?[{_WORD}])"
    said = rf"(?:选项?|选择|答案[是为]?){letter}|{letter}(?:选?项|是(?:正确|对))"
    named, found = list(re.finditer(lone, text)), set()
    for run in re.finditer(r"[^\W_]+", text):
        inside = [match for match in named if run.start() <= match.start() < run.end()]
        if inside and (inside[-1].end() == run.end() or re.search(said, run[0])):
            found |= {match[0] for match in inside}
    for letter, name in (names or {}).items():
        if re.search(rf"{_WORD_BEFORE}{letter}(?:[\W_]+|(?![{_WORD}])){re.escape(name)}", text):
            found.add(letter)
    return found.pop() if len(found) == 1 else None


def greedy_label(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return the letter (or number) of the one option that an answer names by its text, or None: `greedy` for labels.

    Texts are compared without width, case and punctuation: by words, or by characters in scripts that have no spaces
    between words. Where one option's text stands within another's, the longer one is named. Letters name nothing.
    """
    options: dict[str, list[str]] = {}
    for letter, name in (names or {}).items():
        options.setdefault(_words(name), []).append(letter)
    options.pop("", None)
    longest_first = sorted(options, key=len, reverse=True)
    named = set(re.findall(rf"(?<!\S)(?:{'|'.join(map(re.escape, longest_first))})(?!\S)", _words(text)))
    found = [letter for name in named for letter in options.get(name, [])]
    return found[0] if len(found) == 1 else None


def _words(text: str) -> str:
    """Return the words of a text, or its characters where words have no spaces, with one space between them."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+", folded))


def opencompass(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return the last upper-case character, option or not, as OpenCompass scores OpenFinData.

    `last_capital_postprocess` of https://github.com/open-compass/opencompass, opencompass/utils/text_postprocessors.py.
    """
    return next((character for character in reversed(text) if character.isupper()), None)


def original(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return all option letters joined ("AB" equals no gold letter), as the original study's regular expression."""
    return "".join(re.findall(rf"(?:选项)?([{''.join(letters)}])[：.]?", text)) or None


TEXT_SCORERS: dict[str, Callable] = {"greedy": greedy, "opencompass": opencompass, "original": original}
