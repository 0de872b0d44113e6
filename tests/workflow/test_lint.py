"""Snakemake's own linter."""

import re
import subprocess

from tiny import ROOT

# The only finding that is intended: every rule runs in the environment of requirements.lock, whose files are checked
# by hash, which an environment file a rule would repeat without hashes.
MEANT = "Specify a conda environment or container for each rule."


def test_linter_finds_nothing_else():
    result = subprocess.run(["snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    output = result.stdout + result.stderr
    rules = re.findall(r"^Lints for (.*)", output, re.MULTILINE)
    findings = re.findall(r"^    \* (.*):$", output, re.MULTILINE)
    assert len(findings) == len(rules) > 10
    assert set(findings) == {MEANT}
