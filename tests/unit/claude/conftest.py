"""The environment of a generation against the stand-in server."""

from datetime import timedelta

import pytest

from generating import KEY


@pytest.fixture
def quick(monkeypatch):
    """Shorten the pauses before another try."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY + "\n")  # as from a file
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "")  # to be put back
    monkeypatch.setattr("finintent.claude.client.LISTING_DELAY", timedelta(0))
    monkeypatch.setattr("anthropic._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("anthropic._base_client.MAX_RETRY_DELAY", 0.05)
    monkeypatch.setattr("finintent.claude.client.LONGEST_PAUSE", 0.02)
