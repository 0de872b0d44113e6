"""The workflow as a module of another one, from a folder, a git repository or GitHub."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tiny import DATASET, ROOT, make_workspace, snakemake, tiny_config, write_config

CALLER = """
configfile: "config/config.yaml"


module finintent:
    snakefile: {source}
    config: {config}


{use}
"""
USE = "use rule * from finintent"
CARD = f"results/curated/{DATASET}/README.md"
QUESTIONS = f"results/questions/{DATASET}.jsonl"
FIGURE = f"results/figures/{DATASET}/quality.svg"


def git(repository: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository of this workflow, whose tag is v1."""
    path = make_workspace(tmp_path_factory.mktemp("repository") / "finintent", tiny_config({}))
    git(path, "init", "--quiet", "--initial-branch", "main")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "--message", "A release")
    git(path, "tag", "v1")
    return path


def source(kind: str, repository: Path, cache: Path) -> str:
    """Return what `snakefile:` says for a kind of source."""
    if kind == "folder":
        return f'"{repository}/workflow/Snakefile"'
    if kind == "repository":
        return f'gitfile("{repository}", path="workflow/Snakefile", tag="v1")'
    # What Snakemake has of a repository that it fetched before.
    fetched = cache / "snakemake/snakemake/source-cache/snakemake-git-cache/github.com/someone/finintent"
    if not fetched.exists():
        git(repository, "clone", "--quiet", "--bare", str(repository), str(fetched))
    return 'github("someone/finintent", path="workflow/Snakefile", tag="v1")'


def make_caller(directory: Path, snakefile: str, use: str = USE, block: str | None = None) -> Path:
    """Write another workflow, which has a configuration, or a block of one for the module, and nothing else."""
    (directory / "config").mkdir(parents=True)
    (directory / "none").mkdir()
    (directory / "none/config.json").write_text("{}")
    config = tiny_config({"none": Path("none")})
    write_config(directory, {block: config} if block else config)
    given = f'config["{block}"]' if block else "config"
    (directory / "Snakefile").write_text(CALLER.format(source=snakefile, config=given, use=use))
    return directory


@pytest.mark.parametrize("kind", ["folder", "repository", "github"])
def test_every_source_brings_its_scripts_and_files(tmp_path: Path, repository: Path, kind: str):
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    caller = make_caller(tmp_path / "caller", source(kind, repository, tmp_path / "cache"))
    planned = snakemake(caller, "--dry-run", **cache).stdout
    assert re.search(r"^write_report +1$", planned, re.MULTILINE)
    snakemake(caller, QUESTIONS, **cache)
    assert len((caller / QUESTIONS).read_text().splitlines()) == 6


def test_templates_captions_and_records_are_those_of_a_run_at_home(tmp_path: Path, repository: Path):
    caller = make_caller(tmp_path / "caller", source("repository", repository, tmp_path))
    snakemake(caller, CARD, FIGURE)
    assert "## Labels" in (caller / CARD).read_text()
    snakemake(caller, "--report", "report.html", "--", FIGURE)
    html = (caller / "report.html").read_text()
    nearest = json.loads((caller / FIGURE.replace("figures", "curated").replace("svg", "json")).read_text())
    assert "Which language model" in html
    assert f"at most {nearest['nearest_evaluation']['max']:.1f}" in html
    assert "Nothing to be done" in snakemake(caller, "--dry-run", "--", CARD, FIGURE).stdout


def test_a_file_of_the_caller_replaces_the_modules(tmp_path: Path, repository: Path):
    caller = make_caller(tmp_path / "caller", source("folder", repository, tmp_path))
    own = f"tests/datasets/{DATASET}"
    shutil.copytree(ROOT / own, caller / own)
    questions = json.loads((caller / own / "eval.json").read_text())
    (caller / own / "eval.json").write_text(json.dumps(questions[:2]))
    snakemake(caller, QUESTIONS)
    assert len((caller / QUESTIONS).read_text().splitlines()) == 2


def test_the_rules_can_have_other_names_and_a_block_of_the_configuration(tmp_path: Path, repository: Path):
    use = f"""
rule summary:
    input:
        "{CARD}",
    output:
        "summary.txt",
    shell:
        "wc --lines {{input}} > {{output}}"


use rule * from finintent exclude push_dataset as intents_*
"""
    caller = make_caller(tmp_path / "caller", source("folder", repository, tmp_path), use, block="intents")
    planned = snakemake(caller, "--dry-run").stdout
    assert re.search(r"^intents_curate_dataset +1$", planned, re.MULTILINE)
    assert re.search(r"^summary +1$", planned, re.MULTILINE)  # the first rule is the default, as always
    assert "train_lora" not in planned
    assert re.search(r"^intents_train_lora +1$", snakemake(caller, "--dry-run", "intents_all").stdout, re.MULTILINE)
    snakemake(caller)
    assert (caller / "summary.txt").is_file()
    snakemake(caller, "--report", "report.html")
    assert "Which language model" in (caller / "report.html").read_text()


def test_a_new_commit_makes_stale_what_it_changes(tmp_path: Path, repository: Path):
    changing = tmp_path / "changing"
    git(repository, "clone", "--quiet", str(repository), str(changing))
    snakefile = f'gitfile("{changing}", path="workflow/Snakefile", ref="main")'
    caller = make_caller(tmp_path / "caller", snakefile)
    shutil.copytree(ROOT / "profiles", caller / "profiles")
    snakemake(caller, CARD)

    def commit(path: str, old: str, new: str) -> str:
        text = (changing / path).read_text()
        assert old in text
        (changing / path).write_text(text.replace(old, new))
        git(changing, "commit", "--quiet", "--all", "--message", "A change")
        return snakemake(caller, "--dry-run", "--", CARD).stdout

    assert "Nothing to be done" in commit("workflow/report/workflow.rst", "Which", "What")
    stale = commit(f"tests/datasets/{DATASET}/prompts/instruction.yaml", "Answer", "Reply")
    assert re.search(r"^write_card +1$", stale, re.MULTILINE)
    assert "curate_dataset" not in stale


def test_what_a_module_cannot_do_is_one_sentence(tmp_path: Path, repository: Path):
    caller = make_caller(tmp_path / "caller", source("folder", repository, tmp_path))
    snakefile = caller / "Snakefile"
    snakefile.write_text(snakefile.read_text().replace("    config: config", '    config: config\n    prefix: "here"'))
    result = snakemake(caller, "--dry-run", check=False)
    assert "found prefix or replace_prefix, expected neither" in result.stderr + result.stdout
    assert "Traceback" not in result.stderr
