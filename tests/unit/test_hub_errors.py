"""Errors of the Hub as one sentence."""

import httpx
import pytest
from huggingface_hub import errors

from finintent.errors import HubError
from finintent.hub_errors import hub_errors

REQUEST = httpx.Request("GET", "https://hub.example/a/b")


def answered(kind: type[errors.HfHubHTTPError], status: int) -> errors.HfHubHTTPError:
    return kind("no", response=httpx.Response(status, request=REQUEST), server_message="a reason")


def not_cached(cause: Exception) -> errors.LocalEntryNotFoundError:
    error = errors.LocalEntryNotFoundError("not cached")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (errors.HFValidationError("x"), "a/b: not the name of a repository; expected owner/name"),
        (answered(errors.GatedRepoError, 403), "a/b: gated; accept its terms on its page"),
        (answered(errors.RepositoryNotFoundError, 404), "a/b: no such repository, or a private one"),
        (answered(errors.RevisionNotFoundError, 404), "a/b: no such revision; give a commit"),
        (answered(errors.HfHubHTTPError, 403), "a/b: the Hub answered 403 (a reason); set HF_TOKEN"),
        (answered(errors.HfHubHTTPError, 500), "a/b: the Hub answered 500 (a reason); fix that, or run again later"),
        (not_cached(answered(errors.GatedRepoError, 403)), "a/b: gated;"),
        (not_cached(httpx.ConnectError("x")), "a/b: the Hub cannot be reached (ConnectError); check the network"),
        (ValueError("bad\n  metadata"), "a/b: bad metadata"),
        (
            ValueError("Unknown scheme for proxy URL URL('socks://127.0.0.1:7891/')"),
            "a/b: a proxy of the environment (ALL_PROXY, HTTPS_PROXY) is of an unknown kind; write http:// or socks5://",
        ),
    ],
)
def test_each_error_is_one_sentence_about_its_repository(monkeypatch, error: Exception, sentence: str):
    monkeypatch.setattr("finintent.hub_errors.is_offline_mode", lambda: False)
    with pytest.raises(HubError) as raised, hub_errors("a/b"):
        raise error
    assert str(raised.value).startswith(sentence)
    assert "\n" not in str(raised.value)


def test_a_token_in_the_text_of_an_error_is_not_repeated(monkeypatch):
    monkeypatch.setattr("finintent.hub_errors.is_offline_mode", lambda: False)
    with pytest.raises(HubError) as raised, hub_errors("a/b"):
        raise httpx.ConnectError("https://hf_planted@hub.example")
    assert "hf_planted" not in str(raised.value)


def test_offline_mode_is_the_reason_that_is_told(monkeypatch):
    monkeypatch.setattr("finintent.hub_errors.is_offline_mode", lambda: True)
    with pytest.raises(HubError, match="a/b: not in the cache, and HF_HUB_OFFLINE is set; unset it"), hub_errors("a/b"):
        raise httpx.ConnectError("x")


def test_other_errors_pass():
    with pytest.raises(KeyError), hub_errors("a/b"):
        raise KeyError("x")
