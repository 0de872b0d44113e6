"""Errors of the Hugging Face Hub as one sentence each, with what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from huggingface_hub import errors, is_offline_mode

from finintent.errors import HubError

ERRORS = (httpx.HTTPError, errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, ValueError)
UNKNOWN_PROXY = "a proxy of the environment (ALL_PROXY, HTTPS_PROXY) is of an unknown kind; write http:// or socks5://"
ADVICE = {  # a narrower class before a wider one
    errors.HFValidationError: "not the name of a repository; expected owner/name",
    errors.GatedRepoError: "gated; accept its terms on its page, and set HF_TOKEN to a token of that account",
    errors.RevisionNotFoundError: "no such revision; give a commit of its history, 40 hexadecimal digits",
    errors.RepositoryNotFoundError: "no such repository, or a private one; check the name and HF_TOKEN",
}


@contextmanager
def hub_errors(subject: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into a HubError of one sentence about `subject`, a repository."""
    try:
        yield
    except ERRORS as error:
        raise HubError(f"{subject}: {_advice(error)}") from None


def _advice(error: BaseException) -> str:
    """Return what to do about an error, without the text of a connection error: it can contain the token."""
    if is_offline_mode():
        return "not in the cache, and HF_HUB_OFFLINE is set; unset it"
    if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__:
        return _advice(error.__cause__)
    if advice := next((ADVICE[kind] for kind in ADVICE if isinstance(error, kind)), None):
        return advice
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        todo = "set HF_TOKEN to a token that may do this" if status in (401, 403) else "fix that, or run again later"
        return f"the Hub answered {status} ({error.server_message or 'no reason given'}); {todo}"
    if isinstance(error, ValueError) and "proxy URL" in str(error):  # with the user and password that the URL may hold
        return UNKNOWN_PROXY
    if isinstance(error, ValueError):
        return " ".join(str(error).split())  # on the card's metadata
    return f"the Hub cannot be reached ({type(error).__name__}); check the network and HF_ENDPOINT, then run again"
