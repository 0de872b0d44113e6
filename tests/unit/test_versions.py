"""Versions of packages."""

import pytest

from finintent.errors import ConfigError
from finintent.versions import check_versions, installed_versions, locked_versions
from tiny import ROOT


def test_environment_is_the_locked_one():
    versions = installed_versions()
    del versions["python"]
    locked = locked_versions(ROOT / "requirements.lock", *versions)
    check_versions(locked)
    with pytest.raises(ConfigError, match=r"pins torch 9\.9, but .* is installed"):
        check_versions(locked | {"torch": "9.9"})
    with pytest.raises(ConfigError, match="nothing is not pinned"):
        locked_versions(ROOT / "requirements.lock", "nothing")
