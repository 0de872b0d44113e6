"""A label as people write it in a file: by its code, or by the option's text."""

import difflib

from finintent.task.taxonomy import Taxonomy
from finintent.task.text import normalise


def label_code(text: str, taxonomy: Taxonomy) -> str | None:
    """Return the code of the label that a text names exactly, else without case, width and punctuation, or None."""
    for form in (str.strip, normalise):
        found = {code for code, name in taxonomy.names.items() if form(text) and form(text) in (form(code), form(name))}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def nearest(text: str, known: list[str]) -> str:
    """Return a question that offers the most similar of some ids ("; did you mean 'loan'?"), "" if none is similar."""
    near = difflib.get_close_matches(text, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
