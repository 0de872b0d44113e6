"""No code that comes with a model is ever run."""

import re
import subprocess
from dataclasses import fields

import pytest
from llamafactory.hparams import ModelArguments

from finintent.training.arguments import OWN_KEYS, training_config
from finintent.training.merge import merge_config
from tiny import ROOT

ASKED_FOR = re.compile(r"trust_remote_code\W{1,4}(true|yes|on|1)\b", re.IGNORECASE)


def test_no_file_asks_for_it():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git repository: the tracked files cannot be listed")
    # Tests show that a configuration that asks for it is refused.
    paths = [ROOT / name for name in listed.stdout.split("\0") if name and not name.startswith("tests/")]
    texts = {path: path.read_bytes().decode("utf-8", errors="replace") for path in paths if path.is_file()}
    assert len(texts) > 50
    assert [str(path) for path, text in texts.items() if ASKED_FOR.search(text)] == []
    assert all(ASKED_FOR.search(text) for text in ("trust_remote_code=True", "trust_remote_code: true"))


def test_no_argument_of_llamafactory_asks_for_it(tmp_path):
    (tmp_path / "config.json").write_text('{"dtype": "bfloat16"}')
    train = training_config(
        model="", data="", template="", split_special_tokens=False, checkpoints="", settings={}, seed=0, bf16=False,
        gpu=False,
    )  # fmt: skip
    merge = merge_config(model=str(tmp_path), adapter="", merged="")
    assert "trust_remote_code" not in train.keys() | merge.keys()
    assert "trust_remote_code" in OWN_KEYS  # so that no configuration can set it
    assert {field.name: field.default for field in fields(ModelArguments)}["trust_remote_code"] is False
