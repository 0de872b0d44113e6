"""Whether a text is in the script of a language."""

import re
import unicodedata

SCRIPTS = {  # first word of the letters' Unicode names, by language; other languages are not checked
    **{
        code: {"LATIN"}
        for code in ["cs", "da", "de", "en", "es", "fi", "fr", "id", "it", "nl", "pl", "pt", "sv", "tr", "vi"]
    },
    "ar": {"ARABIC"},
    "bg": {"CYRILLIC"},
    "bn": {"BENGALI"},
    "el": {"GREEK"},
    "fa": {"ARABIC"},
    "he": {"HEBREW"},
    "hi": {"DEVANAGARI"},
    "ja": {"CJK", "HIRAGANA", "KATAKANA"},
    "ko": {"HANGUL"},
    "ru": {"CYRILLIC"},
    "th": {"THAI"},
    "uk": {"CYRILLIC"},
    "yue": {"CJK"},
    "zh": {"CJK"},
}


def in_language(text: str, language: str) -> bool:
    """Return whether a text has a letter of the language's script, or no letter at all (a number, a code)."""
    scripts = SCRIPTS.get(re.split("[-_]", language.lower())[0])
    letters = [character for character in text if character.isalpha()]
    return (
        not scripts or not letters or any(unicodedata.name(letter, "").split(" ")[0] in scripts for letter in letters)
    )
