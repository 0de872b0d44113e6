"""The study as one Markdown file, for readers and for version control."""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from finintent.analysis.statistics import wilson
from finintent.analysis.tables import markdown_cell, read_table, records
from finintent.files import read_json

TEMPLATE = Path(__file__).parents[3] / "report/report.md.j2"
SUSPECTS = 20  # questions listed
# The titles of the tables of tests, by the purpose of the contrasts.
PURPOSES = {
    "tuning": "Each tuned model against the same model untuned:",
    "linear": "Each tuned model against the linear baseline, trained on the same rows:",
    "recipes": "Each other recipe against the main recipe, on the same rows:",
    "models": "Models against each other, tuned by the main recipe on all rows:",
    "reference": "Models behind an API, not tuned, against these models:",
}


def markdown_report(
    dataset: str,
    provenance: dict[str, Any],
    *,
    summary: str,
    runs: str,
    accuracy: str,
    permutations: str,
    seeds: str,
    learning_curve: str,
    questions: str,
    slices: str,
    curation: str,
    quality: str,
    cost: str,
    jobs: str,
    estimate: str,
    asked: dict[str, str],
    published: str,
) -> str:
    """Render the report.

    All arguments but these three are paths, each of the result that it is named after: `dataset`, the id of the data
    set; `provenance`, the result of `provenance.study_record`; `asked`, the path of the record of the answers, by the
    id of a model behind an API.
    """
    table = read_table(questions)
    suspects = table[table["label_suspect"]]
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - no HTML
    environment.filters["cell"] = markdown_cell
    environment.filters["percent"] = lambda share: f"{100 * share:z.1f}"
    environment.filters["decimals"] = lambda value, digits=3: "-" if value is None else f"{value:.{digits}f}"
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        dataset=dataset,
        provenance=provenance,
        purposes=PURPOSES,
        summary=read_json(summary),
        runs=read_json(runs),
        accuracy=records(read_table(accuracy)),
        permutations=records(read_table(permutations)),
        seeds=records(read_table(seeds)),
        learning_curve=records(read_table(learning_curve)),
        suspects=records(suspects.head(SUSPECTS)),
        suspects_total=len(suspects),
        slices=records(read_table(slices)),
        curation=read_json(curation),
        quality=read_json(quality),
        cost=records(read_table(cost)),
        jobs=records(read_table(jobs)),
        estimate=records(read_table(estimate)),
        asked=[{"model": model, **read_json(path)} for model, path in asked.items()],
        published=[_with_interval(row) for row in records(pd.read_csv(published))],
    )


def _with_interval(row: dict[str, Any]) -> dict[str, Any]:
    low, high = wilson(row["correct"], row["questions"])
    return {**row, "accuracy": row["correct"] / row["questions"], "accuracy_low": low, "accuracy_high": high}
