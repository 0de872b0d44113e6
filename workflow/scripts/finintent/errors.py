"""One exception class a failure; its message names the file or key, what was found, what was expected, what to do."""

from collections.abc import Sequence
from typing import Any


class FinintentError(Exception):
    """Base of every error that a user can fix."""


class ConfigError(FinintentError):
    """A configuration key or value that the workflow cannot use."""


class DataError(FinintentError):
    """A data file that does not have the expected form."""


class TooFewRowsError(FinintentError):
    """Curation left fewer rows than the split asks for.

    Attributes:
        rejected: the rows that curation rejected, with their reasons.
    """

    def __init__(self, message: str, rejected: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.rejected = rejected


class ModelError(FinintentError):
    """A checkpoint or tokenizer that does not have the expected form."""


class TrainingError(FinintentError):
    """Training stopped without a finished model."""


class MergeError(FinintentError):
    """A merged model that is not base + adapter."""


class ApiError(FinintentError):
    """Requests that Anthropic's API did not answer."""


class BudgetError(FinintentError):
    """A request that could cost more than is left of the budget."""


class HubError(FinintentError):
    """A repository of the Hub that cannot be read or written."""


class DiskSpaceError(FinintentError):
    """A disk that is too small for what is about to be written."""
