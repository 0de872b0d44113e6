"""Which code of this package a stage depends on, as a value that Snakemake can compare."""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
# Modules that cannot change the content of a result, so that editing one makes nothing stale.
NOT_COUNTED = frozenset(
    {
        "config/answer_form",  # the names of two forms; what each means is written where it is used
        "config/block",  # which values are refused; the values themselves are parameters of the rules
        "config/fetching",  # how Claude's answers are fetched, never what they are
        "errors",  # which exception ends a job, never what a finished job writes
        "hub_errors",  # the sentence of an error of the Hub
        "inference/late_cuda",  # when the driver is asked for the cards
        "inference/warm_up",  # when kernels are loaded
        "logs",  # where messages go
        "models/folder_check",  # which folders are refused
        "machine/lock",  # when a job runs
        "machine/meter",  # time, memory and energy, which differ from run to run anyway
        "machine/tied_process",  # when a job's process ends
        "orphans",  # when a job's process ends
        "progress",  # what a running job tells on the terminal
        "training/fallback",  # smaller parts of the same optimizer steps
        "training/memory",  # an estimate that only chooses how much is computed at once
        "training/plan",  # that choice
        "training/watching",  # what a running training tells on the terminal
        "versions",  # what is installed: the locked versions themselves are parameters of the rules
    }
)


def code_digest(script: Path) -> str:
    """Return a digest of a script and of the modules of this package that decide what it writes.

    Snakemake itself compares the script alone. Comments, docstrings, descriptions of fields and layout do not count.
    """
    parts = sorted(f"{_name(path)}\n{code}" for path, code in _sources(script).items())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def counted_modules(script: Path) -> list[str]:
    """Return the modules, such as "task/wording", that `code_digest` counts for a script, without the script."""
    return sorted(_name(path) for path in _sources(script) if path != script)


def _sources(script: Path) -> dict[Path, str]:
    """Return the code of a script and of every counted module that it imports, directly or not."""
    pending, seen = [script], {}
    while pending:
        path = pending.pop()
        if path not in seen:
            seen[path], imported = _parsed(path, path.read_text(encoding="utf-8"))
            pending += [module for module in imported if _name(module) not in NOT_COUNTED]
    return seen


@cache  # most modules are imported by several scripts
def _parsed(path: Path, text: str) -> tuple[str, list[Path]]:
    """Return the code of a module and the modules of this package that it imports names from."""
    tree = ast.parse(text, filename=str(path))
    return _bare(tree), _imported(tree)


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix() if path.is_relative_to(PACKAGE) else path.name


def _bare(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
    return ast.dump(tree)


def _imported(tree: ast.Module) -> list[Path]:
    """Return the modules of this package that a module imports names from.

    Raises:
        ImportError: the package or a folder of it is imported as a whole, which hides what is used.
    """
    modules = []
    for node in ast.walk(tree):
        whole = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            module = PACKAGE.parent / node.module.replace(".", "/")
            modules.append(module.with_suffix(".py"))
            whole += [node.module] if module.is_dir() else []
        if any(name.split(".")[0] == PACKAGE.name for name in whole):
            raise ImportError(f"write `from {PACKAGE.name}.folder.module import name`, so that imports can be followed")
    return modules
