"""Nothing outside config/, resources/ and tests/ knows the shipped task's labels."""

import re

import pytest

from finintent.task import read_taxonomy
from tiny import ROOT

TAXONOMY = read_taxonomy(ROOT / "resources/intent_understanding/taxonomy.yaml")
CODE = sorted(path for path in (ROOT / "workflow").rglob("*") if path.suffix in {".py", ".smk", ".yaml", ".rst"})


@pytest.mark.parametrize("path", [ROOT / "Snakefile", *CODE], ids=lambda path: path.name)
def test_no_label_in_code(path):
    text = path.read_text(encoding="utf-8")
    for label in TAXONOMY.labels:
        assert not re.search(rf"""["']{label.code}["']""", text)
        assert label.name not in text
    assert "intent_understanding" not in text
