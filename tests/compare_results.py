"""Compare two folders of results: every prediction, metric and table of the one must be in the other, and equal.

Usage: python tests/compare_results.py BEFORE AFTER

Bounds of bootstrap intervals may differ by one question, since they are drawn, and numbers of tables are compared to
four digits, as some are written; everything else must be the same. Keys and columns that only one of the two has are
skipped.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import pandas as pd

PATTERNS = ("predictions/**/*.jsonl", "metrics/**/*.json", "comparison/*/*.csv")
KEYS = ("first", "second", "scorer", "model", "variant", "rows", "slice", "value", "id", "stage", "seed")
DRAWN = {"difference_low", "difference_high", "low", "high", "gain_low", "gain_high"}
MEASURED = {"job.json", "record.json", "cost.csv", "jobs.csv"}  # time and energy


def main(before: Path, after: Path) -> int:
    """Print what differs; return the number of differences."""
    found: list[str] = []
    compared = 0
    for pattern in PATTERNS:
        for path in sorted(before.glob(pattern)):
            name = path.relative_to(before)
            other = after / name
            if path.name in MEASURED:
                continue
            if not other.is_file():
                found.append(f"{name}: missing")
                continue
            compared += 1
            kind = {".csv": tables, ".json": values, ".jsonl": lines}[path.suffix]
            found += [f"{name}: {difference}" for difference in kind(path, other)]
    print("\n".join(found) or "no differences")
    print(f"{compared} files compared, {len(found)} differences")
    return len(found)


def lines(left: Path, right: Path) -> list[str]:
    """Compare two files of JSON lines, row by row."""
    rows = [[json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in (left, right)]
    if len(rows[0]) != len(rows[1]):
        return [f"{len(rows[0])} and {len(rows[1])} rows"]
    return [text for number, pair in enumerate(zip(*rows, strict=True)) for text in differences(*pair, f"row {number}")]


def values(left: Path, right: Path) -> list[str]:
    """Compare two JSON files."""
    return differences(*(json.loads(path.read_text(encoding="utf-8")) for path in (left, right)), "")


def differences(left: Any, right: Any, where: str) -> list[str]:
    """Compare two JSON values; keys that only one has are ignored."""
    if isinstance(left, dict) and isinstance(right, dict):
        shared = [key for key in left if key in right]
        return [text for key in shared for text in differences(left[key], right[key], f"{where}.{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [text for index, pair in pairs for text in differences(*pair, f"{where}[{index}]")]
    same = math.isclose(left, right, rel_tol=1e-9) if isinstance(left, float) and right is not None else left == right
    return [] if same else [f"{where}: {left!r} and {right!r}"]


def tables(left: Path, right: Path) -> list[str]:
    """Compare two CSV files, rows joined by what names them."""
    before, after = (pd.read_csv(path, dtype={"id": str}) for path in (left, right))
    keys = [key for key in KEYS if key in before.columns and key in after.columns]
    shared = [column for column in before.columns if column in after.columns and column not in keys]
    if len(before) != len(after):
        return [f"{len(before)} and {len(after)} rows"]
    joined = [
        table.set_index([table[key].astype(str) for key in keys])[shared].sort_index() for table in (before, after)
    ]
    question = 1.01 / before["questions"].max() if "questions" in before else 1.01 / 235
    found = []
    for column in shared:
        for key, first, second in zip(joined[0].index, joined[0][column], joined[1][column], strict=True):
            equal = first == second or (pd.isna(first) and pd.isna(second))
            if not equal and isinstance(first, float) and isinstance(second, float):
                tolerance = question if column in DRAWN else 0
                equal = f"{first:.4g}" == f"{second:.4g}" or abs(first - second) <= tolerance
            if not equal and column != "verdict":  # the sentence of numbers that are compared themselves
                found.append(f"{key} {column}: {first!r} and {second!r}")
    return found


if __name__ == "__main__":
    sys.exit(bool(main(*map(Path, sys.argv[1:3]))))
