"""Which code and which locked packages a stage depends on, as values that Snakemake can compare."""

import ast
import hashlib
import re
from pathlib import Path

from finintent.errors import ConfigError

PACKAGE = Path(__file__).parent
# What decides a model's numbers.
MODEL_PACKAGES = ("llamafactory", "torch", "transformers", "peft", "trl", "accelerate", "datasets", "tokenizers")


def code_digest(script: Path) -> str:
    """Return a digest of a script and of every module of this package that it imports, directly or not.

    Snakemake itself looks at the script alone. Comments, docstrings and layout do not count, nor does what only decides
    how much is computed at once.
    """
    pending, seen = [script], {}
    while pending:
        path = pending.pop()
        if path not in seen and path != PACKAGE / "memory.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            seen[path] = _bare(tree)
            pending += _package_imports(tree)
    parts = sorted(f"{path.name}\n{code}" for path, code in seen.items())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _bare(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _package_imports(tree: ast.Module) -> list[Path]:
    for node in ast.walk(tree):
        whole = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        whole += [node.module] if isinstance(node, ast.ImportFrom) and node.module == PACKAGE.name else []
        if any(name.split(".")[0] == PACKAGE.name for name in whole):
            raise ImportError(f"write `from {PACKAGE.name}.module import name`, so that dependencies can be followed")
    modules = [
        node.module.removeprefix(f"{PACKAGE.name}.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE.name}.")
    ]
    return [PACKAGE / f"{module}.py" for module in modules]


def locked_versions(lock: Path, *packages: str) -> dict[str, str]:
    """Return the versions that a requirements lock pins for some packages."""
    text = lock.read_text(encoding="utf-8")
    versions = {}
    for package in packages:
        match = re.search(rf"^{re.escape(package)}==(\S+)", text, re.MULTILINE)
        if match is None:
            raise ConfigError(f"{lock}: {package} is not pinned; run `make lock`")
        versions[package] = match.group(1)
    return versions
