"""The lock and the files that must agree with it."""

import re

import pytest

from tiny import ROOT

LOCK, CLUSTER_LOCK = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "requirements-cluster.lock")
)


@pytest.mark.parametrize(("lock", "least"), [(LOCK, 100), (CLUSTER_LOCK, 10)])
def test_a_lock_pins_and_hashes_everything_and_names_no_address(lock: str, least: int):
    packages = re.findall(r"^[a-z0-9][a-z0-9.-]*==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert len(packages) > least
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in lock


def test_the_plugins_change_no_package_of_the_environment():
    versions, of_plugins = _versions(LOCK), _versions(CLUSTER_LOCK)
    shared = versions.keys() & of_plugins.keys()
    assert "snakemake-interface-common" in shared
    assert all(of_plugins[name] <= versions[name] for name in shared)


def _versions(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", lock, re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_packages_left_out_beside_cpu_builds_are_those_of_cuda():
    listed = [line for line in (ROOT / "envs/cpu-excludes.txt").read_text().splitlines() if not line.startswith("#")]
    cuda = re.findall(r"^((?:nvidia|cuda|triton)[a-z0-9-]*)==", LOCK, re.MULTILINE)
    bindings = "nvidia-ml-py"  # asks the driver, and needs none to be imported
    assert sorted(listed) == sorted({*cuda, "torch", "torchaudio", "torchvision"} - {bindings})


def test_torchaudio_is_of_torchs_release():
    torch, audio = (re.search(rf"^{name}==(\S+)", LOCK, re.MULTILINE)[1] for name in ("torch", "torchaudio"))
    assert torch == audio


def test_a_socks_proxy_can_be_used():
    assert re.search(r"^socksio==", LOCK, re.MULTILINE)  # httpx' extra, for the API and the Hub


def test_containerfile_copies_files_that_exist_and_takes_the_makefiles_uv():
    recipe = (ROOT / "Containerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (.*) \S+$", recipe, re.MULTILINE) for name in line.split()]
    assert {"requirements.lock", "requirements-cluster.lock", "workflow/scripts"} <= {*copied}
    assert all((ROOT / name).exists() for name in copied)
    version = re.search(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert f"uv=={version}" in recipe
