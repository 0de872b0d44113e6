"""Files that come with the workflow, for a run in another folder: as a module of another workflow, for example."""

from pathlib import Path
from typing import Any

# The keys of the configuration that name a file or folder to read. The store of paid answers is written, so it always
# belongs to the folder of the run.
READ = frozenset({"resources", "responses", "path"})


def shipped(path: str, root: Path) -> str:
    """Return a path that exists: as it is, or below the workflow's own folder where only that has it.

    Args:
        path: absolute, or relative to the working directory.
        root: the folder of the workflow's source.
    """
    return str(root / path) if not Path(path).exists() and (root / path).exists() else path


def with_shipped_files(config: Any, root: Path) -> Any:
    """Return a configuration, or a part of it, not yet validated, with the paths that `shipped` gives."""
    if not isinstance(config, dict):
        return config
    return {
        key: shipped(value, root) if key in READ and isinstance(value, str) else with_shipped_files(value, root)
        for key, value in config.items()
    }
