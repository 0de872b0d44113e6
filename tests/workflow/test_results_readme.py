"""results/README.md names every output of the rules, and nothing else."""

import json
import re
import subprocess
import sys

from tiny import ROOT

TABLE = ROOT / "results/README.md"
# Snakemake itself evaluates the rules: patterns are in report(), temp(), f-strings and helper functions. In a process
# of its own, since it changes the working directory, the logging and the path of imports. `_workflow` is private; the
# version of Snakemake is pinned.
LIST_OUTPUTS = """
import json
from pathlib import Path
from snakemake.api import OutputSettings, ResourceSettings, SnakemakeApi
from snakemake.io import strip_wildcard_constraints

with SnakemakeApi(OutputSettings()) as api:
    study = api.workflow(resource_settings=ResourceSettings(cores=1), snakefile=Path("Snakefile"))
    print(json.dumps({
        strip_wildcard_constraints(str(output)): rule.name for rule in study._workflow.rules for output in rule.output
    }))
"""


def outputs() -> dict[str, str]:
    """Return the rule of each output pattern of the workflow."""
    command = [sys.executable, "-c", LIST_OUTPUTS]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_every_output_pattern_has_one_line_that_says_what_it_holds():
    found = outputs()
    listed = re.findall(r"^\| `(results/[^`]+)` \| \S.* \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    problems = [
        f"add, for the rule {rule}:  | `{pattern}` | what it holds |"
        for pattern, rule in found.items()
        if pattern not in listed
    ]
    problems += [f"remove the line of `{pattern}`: no rule writes it" for pattern in listed if pattern not in found]
    problems += [f"remove all lines but one of `{pattern}`" for pattern in {*listed} if listed.count(pattern) > 1]
    assert len(found) > 50
    assert not problems, "results/README.md, table of outputs:\n" + "\n".join(problems)
