import json
from pathlib import Path

import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard

from finintent.config.curation import SeededCuration
from finintent.data.candidates import origin
from finintent.data.curation import curate
from finintent.data.dataset_card import dataset_card
from finintent.errors import DataError
from finintent.files import write_jsonl
from finintent.task.taxonomy import read_taxonomy
from tiny import ROOT

TAXONOMY = read_taxonomy(ROOT / "tests/datasets/support_topics/taxonomy.yaml")
SETTINGS = SeededCuration(
    train_rows=6, validation_rows=3, min_characters=4, max_characters=60, near_duplicate_threshold=90,
    decontamination_threshold=80, seed=1,
)  # fmt: skip
WORDS = ["refund", "parcel", "password", "invoice", "address", "profile", "payment", "courier", "avatar", "receipt"]
CANDIDATES = [
    {
        "id": f"{word}-000", "query": f"Where is my {word} {word}?", "label": TAXONOMY.codes[index % 3],
        "persona": ["terse", "polite"][index % 2], "request": word, "generator": "claude-x",
        "recorded": "2026-01-02", "cost_usd": None,
    }
    for index, word in enumerate(WORDS)
]  # fmt: skip
FACTS = TAXONOMY.model_dump() | origin("anthropic", ["claude-x"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as curation leaves it."""
    curated = curate(CANDIDATES, TAXONOMY, ["terse", "polite"], ["What is the weather?"], SETTINGS)
    folder = tmp_path / "curated"
    folder.mkdir()
    for name in ("train", "validation", "rejected"):
        write_jsonl(folder / f"{name}.jsonl", getattr(curated, name))
    counts = {**curated.counts, "settings": SETTINGS.model_dump()}
    (folder / "curation.json").write_text(json.dumps(counts), encoding="utf-8")
    return folder


def card(folder: Path, **more: object) -> DatasetCard:
    path = folder / "README.md"
    dataset_card({**FACTS, **json.loads((folder / "curation.json").read_text()), **more}, path)
    return DatasetCard.load(path)


def test_a_folder_with_a_card_loads_as_its_two_splits(folder, tmp_path):
    card(folder)
    data = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {name: split.num_rows for name, split in data.items()} == {"train": 6, "validation": 3}
    keys = ["id", "query", "label", "persona", "request", "generator", "recorded", "cost_usd"]
    keys += ["nearest_question", "question_similarity"]
    assert data["train"].column_names == data["validation"].column_names == keys
    assert set(data["train"]["label"]) == set(TAXONOMY.codes)


def test_the_metadata_are_those_of_the_hub(folder):
    assert card(folder, license="cc-by-4.0").data.to_dict() == {
        "language": ["en"],
        "license": "cc-by-4.0",
        "task_categories": ["text-classification"],
        "size_categories": ["n<1K"],
        "pretty_name": "Support topics",
        "tags": ["synthetic"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": "train", "path": "train.jsonl"},
                    {"split": "validation", "path": "validation.jsonl"},
                ],
            }
        ],
    }


@pytest.mark.parametrize(("rows", "size"), [(996, "n<1K"), (997, "1K<n<10K"), (9997, "10K<n<100K")])
def test_the_size_is_that_of_both_splits(folder, rows: int, size: str):
    train = {"rows": rows, "per_label": {}, "per_persona": {}}
    assert card(folder, train=train).data.size_categories == [size]


def test_the_card_tells_the_counts(folder):
    text = card(folder).text
    for line in (
        "# Support topics: rows written by claude-x through Anthropic's API\n",
        "9 user queries, each with one of 3 labels",
        "| `billing` | Billing | payments, invoices, refunds |",
        "| all | 6 | 3 |",
        "| label `billing` | 2 | 1 |",
        "| `surplus` | 1 |",
        "- Rows: written by claude-x through Anthropic's API\n",
        "- Taxonomy: version 1",
        "- Candidates: 10; rejected or left over: 1\n",
        "a similarity of 80 or more to an evaluation question",
        "a similarity of 90 or more to a row kept before",
    ):
        assert line in text
    assert "| persona `polite` |" in text


def test_a_generation_record_is_told(folder):
    text = card(
        folder,
        repo_id="someone/topics",
        prompt_version=3,
        instruction_version=2,
        first_answer="2026-01-02T03:04:05+00:00",
        last_answer="2026-01-04T03:04:05+00:00",
        requests={"generate": 40, "judge": 3},
        tokens={"input": 1000, "output": 2000},
        cost_usd=0.0314,
        quality={"distinct 2-grams": 0.83, "near-duplicate rate": None},
    ).text
    for line in (
        "- Written: 2026-01-02 to 2026-01-04\n",
        "- Generation prompt: version 3\n",
        "- Instruction: version 2\n",
        "- Requests: 40 (generate), 3 (judge)\n",
        "- Tokens: 1000 (input), 2000 (output)\n",
        "- Cost: 0.0314 US dollars\n",
        "## Quality\n\n| Measure | Value |\n|---|---|\n| distinct 2-grams | 0.83 |\n\n## Intended use",
        'load_dataset("someone/topics")',
    ):
        assert line in text
    assert "near-duplicate rate" not in text


def test_what_is_not_known_stays_out(folder):
    content = card(folder, cost_usd=None, first_answer=None, requests={}, quality={"distinct 2-grams": None}).content
    assert "None" not in content
    for word in ("Written", "Generation prompt", "Instruction:", "Requests", "Tokens", "Cost", "## Quality"):
        assert word not in content
    assert "\n\n\n" not in content
    assert 'load_dataset("path/to/this/folder")' in content


def test_a_definition_stays_in_its_cell(folder):
    labels = [{"code": "a", "name": "x|y", "definition": "one\ntwo | three"}]
    assert "| `a` | x\\|y | one two \\| three |\n" in card(folder, labels=labels).text


def test_html_is_shown_as_it_is_written(folder):
    labels = [{"code": "a", "name": "<b>x</b>", "definition": "<script>alert(1)</script> & more"}]
    text = card(folder, labels=labels, title="<i>t</i>").text
    assert "| `a` | &lt;b&gt;x&lt;/b&gt; | &lt;script&gt;alert(1)&lt;/script&gt; &amp; more |\n" in text
    assert "<i>" not in text


@pytest.mark.parametrize("backend", ["file", "huggingface"])
def test_rows_that_no_model_wrote_are_not_called_synthetic(folder, backend: str):
    counts = {"rows": 6, "per_label": {}, "per_persona": {"unknown": 6}}
    made = card(folder, **origin(backend, ["own.csv"]), train=counts, validation=counts)
    text = made.content
    assert "taken from" in text.splitlines()[text.splitlines().index("---", 1) + 2]  # the title
    assert "tags" not in made.data.to_dict()
    for word in ("synthetic", "written by", "persona`", "personas", "generators", "Claude", "financ", "\n\n\n"):
        assert word not in text.replace("`generator` (the source)", "")


def test_a_missing_fact_is_named(folder):
    with pytest.raises(DataError, match="facts of the card: title: "):
        card(folder, title=None)
