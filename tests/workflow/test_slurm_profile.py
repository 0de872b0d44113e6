"""What a scheduler is asked for, and the shipped profile for Slurm. A real Slurm runs it in tests/slurm."""

import re
from pathlib import Path

import pytest
import yaml

from tiny import ROOT, make_workspace, snakemake, tiny_config

PROFILES = {
    path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / "profiles").glob("*/profile.yaml")
}
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
RULES = dict(re.findall(r"^(?:use )?rule (\w+.*?):\n(.*?)(?=^\S|\Z)", TEXT, re.MULTILINE | re.DOTALL))
ASKED = ("mem_mb=", "runtime=", "cpus_per_task=")
ON_GPU = "**GPU_"  # of rules/common.smk: a GPU, and all that is asked for with it


@pytest.mark.parametrize("rule", [name for name in RULES if " as " not in name])
def test_a_rule_runs_where_snakemake_runs_or_tells_what_it_needs(rule: str):
    text = RULES[rule]
    if "localrule: True" in text:
        assert ON_GPU not in text
    else:
        assert ON_GPU in text or all(resource in text for resource in ASKED)


@pytest.mark.parametrize("rule", [name for name in RULES if " as " in name])
def test_a_variant_of_a_rule_runs_where_that_rule_runs(rule: str):
    text, original = (RULES[name] for name in (rule, rule.split()[0]))
    assert ("localrule: True" in text) == ("localrule: True" in original)  # `use rule` does not inherit it


def test_all_jobs_on_a_tuned_model_are_grouped():
    on_a_gpu = {name.split()[0] for name, text in RULES.items() if ON_GPU in text} - {"evaluate_base"}
    assert PROFILES["slurm"]["groups"].keys() == on_a_gpu | {"evaluate_tuned"}
    for name, text in RULES.items():
        encoders = "model=ENCODER" in text
        if name in on_a_gpu:
            assert PROFILES["slurm"]["groups"][name] == ("encoder" if encoders else "tuned")


def test_what_makes_a_job_stale_is_the_same_on_slurm():
    for key in ("rerun-triggers", "rerun-incomplete"):
        assert PROFILES["slurm"][key] == PROFILES["default"][key]


def test_memory_and_time_follow_the_size_of_the_weights(tmp_path: Path):
    models = {"small": tmp_path / "small", "large": tmp_path / "large"}
    for folder, size in zip(models.values(), (0, 10 * 10**9), strict=True):
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        with (folder / "model.safetensors").open("wb") as file:
            file.truncate(size)
    workspace = make_workspace(tmp_path / "study", tiny_config(models))
    listing = snakemake(workspace, "--dry-run").stdout
    jobs = re.findall(
        r"^rule train_lora:.*?wildcards: model=(\w+).*?resources: (.*?)$", listing, re.MULTILINE | re.DOTALL
    )
    asked = {model: dict(re.findall(r"(\w+)=(\d+)", resources)) for model, resources in jobs}
    assert asked["small"].items() >= {"gpu": "1", "mem_mb": "4000", "runtime": "120", "cpus_per_task": "2"}.items()
    assert asked["large"].items() >= {"gpu": "1", "mem_mb": "15000", "runtime": "720", "cpus_per_task": "2"}.items()
