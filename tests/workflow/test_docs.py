"""The Markdown files: their links and commands exist, and each README stays one screen long."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from finintent.cli import app
from tiny import ROOT

FOLDERS = ("config", "docs", "resources", "tests")
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        ROOT / "results/README.md",
        *(page for name in FOLDERS for page in (ROOT / name).rglob("*.md")),
    ]
)
MAX_LINES, MAX_WORDS = 100, 900
# One character of Chinese carries less than an English word: 900 words of English are about 1,500 characters.
MAX_CHARACTERS = 1500
# Made by a run that downloads, or by a reader for a task of their own.
NOT_SHIPPED = {
    "resources/models",
    "resources/openfindata.lock.json",
    "resources/my_task",
    "resources/my_support",
    "config/my_support.yaml",
}


def each_page(pages: list[Path]):
    return pytest.mark.parametrize("page", pages, ids=[str(page.relative_to(ROOT)) for page in pages])


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them; a heading that comes again gets a number."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
        if found[anchor]:
            found[f"{anchor}-{found[anchor]}"] = 0
    return set(found)


@each_page(PAGES)
def test_relative_links_lead_somewhere(page: Path):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue  # an address
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@each_page(PAGES)
def test_files_that_a_page_names_exist(page: Path):
    named = re.findall(
        rf"`((?:{'|'.join(FOLDERS)}|envs|profiles|workflow)/[\w./-]+?)/?`", page.read_text(encoding="utf-8")
    )
    assert not [path for path in named if not (ROOT / path).exists() and path not in NOT_SHIPPED]


@each_page(PAGES)
def test_commands_of_a_page_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", without_code(text))
    rules = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow/rules").glob("*.smk"))
    commands = {
        "make": re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE),
        "finintent": [command.name or command.callback.__name__ for command in app.registered_commands],
        "snakemake --cores 1": re.findall(r"^rule (\w+):", rules, re.MULTILINE),
    }
    for command, known in commands.items():
        used = re.findall(rf"^(?:time )?{command} ([a-z][a-z_-]*)", "\n".join(lines), re.MULTILINE)
        assert set(used) <= set(known)


def test_each_readme_is_one_screen():
    english, chinese = (ROOT / name for name in ("README.md", "README_zh.md"))
    for page in (english, chinese):
        assert len(page.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
        assert len(page.read_text(encoding="utf-8").split()) <= MAX_WORDS  # as `wc -w`
    # As word processors count Chinese: each Chinese character, and each run of anything else between spaces.
    counted = re.findall(r"[一-鿿]|[^\s\u3000-\u303f一-鿿\uff00-\uffef]+", chinese.read_text(encoding="utf-8"))
    assert len(counted) <= MAX_CHARACTERS


def test_both_readmes_link_to_the_same_pages_and_give_the_same_commands():
    def facts(name: str) -> tuple[set[str], list[str]]:
        text = (ROOT / name).read_text(encoding="utf-8")
        links = {link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith("README")}
        commands = [
            line.split("#")[0].strip()
            for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
            for line in block.splitlines()
        ]
        return links, commands

    assert facts("README.md") == facts("README_zh.md")
