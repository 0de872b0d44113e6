"""The card of a curated data set: what it contains, how it was made, what it is for."""

from bisect import bisect
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData
from pydantic import BaseModel

from finintent.analysis.tables import markdown_cell
from finintent.config.curation import SeededCuration
from finintent.data.alpaca import SPLITS
from finintent.data.curation import UNKNOWN_PERSONA
from finintent.files import parse
from finintent.task.taxonomy import Label

TEMPLATE = Path(__file__).parents[3] / "report/dataset_card.md.j2"
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M")  # the Hub's size categories


class Split(BaseModel):
    """Counts of the rows of one split."""

    rows: int
    per_label: dict[str, int]
    per_persona: dict[str, int]


class Facts(BaseModel):
    """The facts of a card, by the keys of taxonomy.yaml, curation.json and a generation record; None is not shown.

    Dates are in ISO 8601, `requests` and `tokens` are counts by kind, `quality` has numbers by the name of their
    measure.
    """

    title: str
    language: str
    version: int
    labels: list[Label]
    candidates: int
    rejected_per_reason: dict[str, int]
    train: Split
    validation: Split
    settings: SeededCuration
    origin: str
    synthetic: bool
    prompt_version: int | None = None
    first_answer: str | None = None
    last_answer: str | None = None
    requests: dict[str, int] = {}
    tokens: dict[str, int] = {}
    cost_usd: float | None = None
    instruction_version: int | None = None
    quality: dict[str, float | None] = {}
    license: str = "other"  # the Hub's id
    repo_id: str | None = None


def dataset_card(facts: dict[str, Any], path: str | Path) -> None:
    """Write the README.md beside train.jsonl and validation.jsonl.

    Args:
        facts: what `Facts` declares; other keys are ignored.
        path: the file to write.

    Raises:
        DataError: a key is missing or has a wrong value.
    """
    card = parse("facts of the card", facts, Facts)
    data = DatasetCardData(
        language=[card.language],
        license=card.license,
        task_categories=["text-classification"],
        size_categories=[SIZES[bisect((10**3, 10**4, 10**5), card.train.rows + card.validation.rows)]],
        pretty_name=card.title,
        tags=["synthetic"] if card.synthetic else None,
        configs=[{"config_name": "default", "data_files": [{"split": s, "path": f"{s}.jsonl"} for s in SPLITS]}],
    )
    personas = sorted(card.train.per_persona | card.validation.per_persona)
    texts = {
        "title": markdown_cell(card.title),
        "origin": markdown_cell(card.origin),
        "labels": [{key: markdown_cell(text) for key, text in label.model_dump().items()} for label in card.labels],
        "personas": [] if personas == [UNKNOWN_PERSONA] else personas,
    }
    DatasetCard.from_template(data, template_path=str(TEMPLATE), **card.model_dump() | texts).save(path)
