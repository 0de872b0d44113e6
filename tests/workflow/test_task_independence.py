"""Nothing outside config/, resources/ and tests/ knows the labels of a shipped task."""

import re

import pytest

from finintent.task.taxonomy import read_taxonomy
from tiny import ROOT

TAXONOMIES = {path.parent.name: read_taxonomy(path) for path in ROOT.glob("resources/*/taxonomy.yaml")}
CODE = sorted(path for path in (ROOT / "workflow").rglob("*") if path.suffix in {".py", ".smk", ".yaml", ".rst"})


@pytest.mark.parametrize("path", [ROOT / "Snakefile", *CODE], ids=lambda path: path.name)
def test_no_label_in_code(path):
    text = path.read_text(encoding="utf-8")
    for dataset, taxonomy in TAXONOMIES.items():
        for label in taxonomy.labels:
            assert not re.search(rf"""["']{label.code}["']""", text)
            assert label.name not in text
        assert dataset not in text
