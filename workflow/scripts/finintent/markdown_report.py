"""The study as one Markdown file, for people and for version control."""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from finintent.files import read_json
from finintent.statistics import wilson

TEMPLATE = Path(__file__).parents[2] / "report/report.md.j2"
SUSPECTS = 20  # questions listed


def markdown_report(
    dataset: str,
    seed: int,
    *,
    summary: str,
    accuracy: str,
    questions: str,
    slices: str,
    curation: str,
    quality: str,
    training: list[str],
    published: str,
) -> str:
    """Render the report; each further argument is the path of the result that it is named after."""
    asked = pd.read_csv(questions)
    suspects = asked[asked["label_suspect"]]
    records = [{"model": Path(path).parts[-3], **read_json(path)} for path in training]
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - no HTML
    environment.filters["percent"] = lambda share: f"{100 * share:.1f}"
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        dataset=dataset,
        seed=seed,
        summary=read_json(summary),
        accuracy=_rows(accuracy),
        majority=asked["gold"].value_counts(normalize=True).iloc[0],
        suspects=suspects.head(SUSPECTS).to_dict("records"),
        suspects_total=len(suspects),
        slices=_rows(slices),
        curation=read_json(curation),
        quality=read_json(quality),
        training=records,
        versions=records[0]["versions"],
        published=[_with_interval(row) for row in _rows(published)],
    )


def _rows(path: str) -> list[dict[str, Any]]:
    return pd.read_csv(path).to_dict("records")


def _with_interval(row: dict[str, Any]) -> dict[str, Any]:
    low, high = wilson(row["correct"], row["questions"])
    return {**row, "accuracy": row["correct"] / row["questions"], "accuracy_low": low, "accuracy_high": high}
