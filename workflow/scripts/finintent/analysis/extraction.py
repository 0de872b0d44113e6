"""How raw output text becomes an option: one function a scorer, by the name that peers know it by."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from finintent.task.taxonomy import LETTERS
from finintent.task.text import cleaned

HALF_WIDTH = {ord(letter) + 0xFEE0: letter for letter in LETTERS + LETTERS.lower()}
_WORD = "0-9A-Za-zÀ-ɏ"  # what makes a Latin word of the letter beside it: "ETF", "B2", and with a hyphen "A-share"
_GLUED = "股类轮级端"  # what makes a Chinese word of the letter before it: "A股"
# Scripts without spaces between words, or with endings attached to them: Thai, Chinese, Japanese, Korean.
_UNSPACED = "\u0e00-\u0eff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORD_BEFORE = rf"(?<![{_WORD}])(?<![{_WORD}]['’-])"
# Letters that are a word of some language with the Latin script: an article, a pronoun, "and", "or", "in", "to".
_WORD_LETTERS = "AEIKOSUVWYZ"
# What follows a letter that is the subject of a sentence or one of several, and no word.
_AFTER_A_LETTER = (
    "and|appears|applies|are|as|because|best|covers|describes|e|es|est|et|fits|i|is|ist|looks|matches|o|och|oder|or|ou|"
    "oraz|seems|should|since|u|und|was|would|y|è|é|és|là|są"
)
_AFTER_I = "appears|applies|and|best|covers|describes|fits|is|ist|looks|matches|or|seems"  # "I would" is a pronoun
_BEFORE_A_LETTER = (
    r"(?:answer|antwort|choice|choose|option|opción|pick|réponse|respuesta|resposta|select)"
    r"(?:\W+(?:is|ist|est|es|é|è))?\W*"
)
# What excludes the option that follows it ("not B", "除了B"), and what excludes the one before it ("B is wrong").
_EXCLUDES_NEXT = (
    rf"(?i:(?:(?<![{_WORD}])(?:not|cannot|neither|nor|except(?: for)?|exclud(?:e|ing)|eliminat(?:e|ing)|"
    "rul(?:e|ed|ing) out|other than|rather than|instead of|anything but|nicht|außer|pas|sauf|no es|excepto|salvo|"
    "não é|exceto|non è|eccetto|не|кроме)|n['’]t)(?: be)?(?: the)?|"
    "不是|不选择?|不应该?选?|不该选?|不能选?|不会是|不可能是|不属于|不符合|"
    "不考虑|非|除了?|剔除|去掉|淘汰)"
)
_EXCLUDES_LAST = (
    r"""[\s"'”’`*)\]）】」]*(?i:选?项?(?:不是|不对|不正确|不符|不合适|不属于|不行|是?错|以外|之外|除外)|ではな|じゃな|"""
    "[가이은는]? ?아[니닌닙]|[을를]? ?제외|(?:(?:is|does|can|would|should)(?: not|n['’]t)|cannot|can['’]t|is "
    f"(?:wrong|incorrect|false|excluded|eliminated|ruled out))(?![{_WORD}]))"
)
_GAP = r"""[\s"'“”‘’`*_(\[（【「]{0,4}"""
# Reasoning: what stands before its end is no answer.
_THOUGHT = r"think|thinking|thought|reasoning|reflection"
_THOUGHT_START = re.compile(rf"<\s*(?:{_THOUGHT})\b[^<>]*>|\[THINK\]|◁think▷", re.IGNORECASE)
_THOUGHT_END = re.compile(rf"<\s*/\s*(?:{_THOUGHT})\s*>|\[/THINK\]|◁/think▷", re.IGNORECASE)


def answer_text(text: str) -> str:
    """Return what follows the reasoning of an answer: all of it where there is none, nothing where it does not end."""
    ends = list(_THOUGHT_END.finditer(text))
    rest = text[ends[-1].end() :] if ends else text
    return "" if _THOUGHT_START.search(rest) else rest


def greedy(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return the one option letter that an answer names, or None where it names none or several.

    A letter is named when it ends a run of letters and digits ("B. …", "选项E：", but neither "ETF" nor "A股"), or when
    the run says that it is one ("选B吧", "B选项"); other letters of such a run are named too ("A或B" names two). A
    letter before a word of a Latin script ("A loan", "I think") counts only where no letter stands before a mark, and
    where it can be no word itself. Lower case counts as the whole answer, before a mark at its beginning, and after
    "answer is".
    A first line of one letter is the answer, whatever follows, unless another line is a letter too. A letter that is
    negated or excluded ("not B", "除了B") is not named.

    With `names` (option text by letter) a letter glued to its own option is named as well (B followed by "yes"), a
    letter within an option's text is none, and where no letter is named, the one option whose text is.
    """
    text = cleaned(unicodedata.normalize("NFKC", answer_text(text)))
    names = {letter: unicodedata.normalize("NFKC", name) for letter, name in (names or {}).items()}
    lines = [stripped for line in text.splitlines() if (stripped := line.strip("\"'“”‘’`*_()[]{}<>.:,;!。、 "))]
    alone = [line for line in lines if len(line) == 1]
    if lines and alone == lines[:1] and alone[0].upper() in letters:
        return alone[0].upper()
    text = _without_excluded(text, letters, names)
    glued = {
        letter
        for letter, name in names.items()
        if re.search(rf"{_WORD_BEFORE}{letter}(?:[\W_]+|(?![{_WORD}])){re.escape(name)}", text)
    }
    strong, weak = _named_letters(_without_names(text, letters, names), letters)
    found = strong | glued or weak
    if not found and names and not weak:
        by_name = greedy_label(text, letters, names)
        found = {by_name} if by_name and not _has_letter(_without_names(text, letters, names), letters) else set()
    return found.pop() if len(found) == 1 else None


def _without_excluded(text: str, letters: list[str], names: dict[str, str]) -> str:
    """Return a text with "…" for each letter and option's text that it negates or excludes."""
    return _exclusion(tuple(letters), tuple(names.values())).sub(lambda match: match["kept"] or "…", text)


@cache
def _exclusion(letters: tuple[str, ...], names: tuple[str, ...]) -> re.Pattern:
    """Return the pattern of options that are excluded; the group `kept` is an option's text that only looks so."""
    longest_first = sorted(filter(None, names), key=len, reverse=True)
    texts = [rf"(?i:{re.escape(name)})" + (rf"(?![{_WORD}])" if name[-1].isalnum() else "") for name in longest_first]
    letter = rf"[{''.join(letters)}](?!['’-]?[{_WORD}])(?![{_GLUED}])" if letters else "(?!)"
    named = "|".join(texts) or "(?!)"
    option = rf"(?:(?i:option|answer|choice|letter|选项|答案){_GAP})?(?:{letter}(?:[^\w\n]{{0,3}}(?:{named}))?|{named})"
    several = rf"{option}(?:\s*(?:[、/和或与及]|(?:and|or|und|oder|et|ou|nor|y|o|и|или)(?=\s))\s*{option})*"
    last = rf"{_EXCLUDES_LAST}(?! ?(?:only|just)|{_GAP}{option})"
    odd = [
        text for text, name in zip(texts, longest_first, strict=True)
        if re.search(f"{_EXCLUDES_NEXT}|{_EXCLUDES_LAST}", name)
    ]  # fmt: skip
    kept = rf"(?:{'|'.join(odd) or '(?!)'})(?!{last})"
    before = rf"(?<![{_WORD}])"
    return re.compile(rf"(?P<kept>{kept})|{_EXCLUDES_NEXT}{_GAP}{several}(?!\s*就是)|{before}{option}{last}")


def _named_letters(text: str, letters: list[str]) -> tuple[set[str], set[str]]:
    """Return the letters that a text names, and those that it names unless they are words."""
    first = re.match(r"[\W_]*([a-z])[\W_]*(?:[.:)\]，,、]|$)", text)
    said_small = re.finditer(rf"(?i:{_BEFORE_A_LETTER})([a-z])(?=[\W_]*(?:[.:)\],;]|$))(?![{_WORD}])", text)
    strong = {match[1].upper() for match in ([first] if first else []) + list(said_small)} & {*letters}
    weak: set[str] = set()
    letter = f"[{''.join(letters)}](?![{_GLUED}])"
    lone = rf"{_WORD_BEFORE}{letter}(?!['’-]?[{_WORD}])"
    said = rf"(?:选项?|选择|答案[是为]?){letter}|{letter}(?:选?项|是(?:正确|对)|です|だ|である|입니다|이다|예요|이에요)"
    named = list(re.finditer(lone, text))
    for run in re.finditer(r"[^\W_]+", text):
        inside = [match for match in named if run.start() <= match.start() < run.end()]
        if inside and (inside[-1].end() == run.end() or re.search(said, run[0])):
            for match in inside:
                (weak if _before_a_word(text, match) else strong).add(match[0])
    return strong, {found for found in weak if found not in _WORD_LETTERS}


def _before_a_word(text: str, match: re.Match) -> bool:
    """Return whether a letter stands before a word of a Latin script, so that it may be a word too."""
    subject = _AFTER_I if match[0] == "I" else _AFTER_A_LETTER
    word = rf"[^\S\n]+(?!(?:{subject})(?![{_WORD}]))(?:[{_WORD}]{{2}}|[a-zß-ɏ])"
    said = rf"(?<![{_WORD}])(?i:{_BEFORE_A_LETTER})$"
    return bool(re.match(word, text[match.end() :])) and not re.search(said, text[: match.start()])


def _has_letter(text: str, letters: list[str]) -> bool:
    return re.search(rf"{_WORD_BEFORE}[{''.join(letters)}](?!['’-]?[{_WORD}])", text) is not None


def _without_names(text: str, letters: list[str], names: dict[str, str]) -> str:
    """Return a text with a word of the same script for each option's text, as a letter may be a part of that."""
    for name in sorted(names.values(), key=len, reverse=True):
        if len(name) > 1 and re.search("|".join(letters), name):
            start, end = (rf"(?<![{_WORD}])" if re.match(f"[{_WORD}]", name) else ""), rf"(?![{_WORD}])"
            text = re.sub(start + re.escape(name) + (end if re.search(f"[{_WORD}]$", name) else ""), "xx", text)
    return text


def greedy_label(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return the letter (or number) of the one option that an answer names by its text, or None: `greedy` for labels.

    Texts are compared without width, case and punctuation: by words, or by characters in scripts that have no spaces
    between words. Where one option's text stands within another's, the longer one is named. Letters name nothing, nor
    does a text that is negated or excluded.
    """
    text = answer_text(text)
    options: dict[str, list[str]] = {}
    for letter, name in (names or {}).items():
        options.setdefault(_words(name), []).append(letter)
    options.pop("", None)
    found = [letter for name in _named_texts(text, options) for letter in options.get(name, [])]
    if len(found) != 1:
        return None
    normal = {letter: unicodedata.normalize("NFKC", name) for letter, name in (names or {}).items()}
    rest = _without_excluded(unicodedata.normalize("NFKC", text), [*filter(str.isalpha, letters)], normal)
    return found[0] if any(found[0] in options[name] for name in _named_texts(rest, options)) else None


def _named_texts(text: str, options: dict[str, list[str]]) -> set[str]:
    longest_first = sorted(options, key=len, reverse=True)
    return set(re.findall(rf"(?<!\S)(?:{'|'.join(map(re.escape, longest_first))})(?!\S)", _words(text)))


def _words(text: str) -> str:
    """Return the words of a text, or its characters where words have no spaces, with one space between them."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+", folded))


def opencompass(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return the last upper-case character, option or not, as OpenCompass scores OpenFinData.

    `last_capital_postprocess` of https://github.com/open-compass/opencompass, opencompass/utils/text_postprocessors.py.
    """
    return next((character for character in reversed(answer_text(text)) if character.isupper()), None)


def original(text: str, letters: list[str], names: dict[str, str] | None = None) -> str | None:
    """Return all option letters joined ("AB" equals no gold letter), as the original study's regular expression."""
    return "".join(re.findall(rf"(?:选项)?([{''.join(letters)}])[：.]?", answer_text(text))) or None


TEXT_SCORERS: dict[str, Callable] = {"greedy": greedy, "opencompass": opencompass, "original": original}
