"""The forms in which a model can name a label."""

from typing import Literal

Answer = Literal["letter", "label"]  # the letter of an option, or its text
