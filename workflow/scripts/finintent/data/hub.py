"""The Hugging Face Hub: reading Alpaca rows from a data set at a pinned commit, and uploading a curated set."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import datasets
from huggingface_hub import HfApi, snapshot_download

from finintent.data.curation import UNKNOWN_PERSONA
from finintent.errors import DataError, HubError
from finintent.hub_errors import hub_errors
from finintent.task.reading import Turn, read_turn
from finintent.task.taxonomy import Taxonomy
from finintent.task.text import normalise
from finintent.task.wording import Instruction

COLUMNS = ("instruction", "input", "output")
SPLITS = ("train", "validation", "test")
FILES = ["*.json", "*.jsonl", "*.csv", "*.parquet", "README.md"]
PUBLISHED = ["README.md", "train.jsonl", "validation.jsonl"]  # never rejected.jsonl: it holds evaluation questions


def download_alpaca(repo_id: str, revision: str, cache: str | Path, token: str | None = None) -> list[dict[str, str]]:
    """Return all rows of a data set repository at a commit.

    Args:
        repo_id: owner/name.
        revision: the commit.
        cache: folder that keeps the files: an interrupted download resumes, a second one needs no network.
        token: of the Hub, for a gated or private repository.

    Returns:
        One dict a row: instruction, input, output and split, in the order train, validation, test, other splits.

    Raises:
        HubError: the Hub does not give the files.
        DataError: they do not hold Alpaca rows.
    """
    source = f"{repo_id}@{revision}"
    with hub_errors(source):
        folder = snapshot_download(
            repo_id, repo_type="dataset", revision=revision, cache_dir=cache, token=token or None, allow_patterns=FILES
        )
    try:
        splits = datasets.load_dataset(folder, cache_dir=str(Path(cache, "arrow")))
    except (datasets.exceptions.DatasetsError, FileNotFoundError, ValueError) as error:
        reason = str(error.__cause__ or error).split("\n")[0]
        raise DataError(f"{source}: no readable data set ({reason}); expected JSON, CSV or Parquet files") from None
    rows = []
    for split in sorted(splits, key=lambda name: SPLITS.index(name) if name in SPLITS else len(SPLITS)):
        if missing := set(COLUMNS) - set(found := splits[split].column_names):
            raise DataError(f"{source}, {split}: no column {min(missing)!r}, found {found}; choose a set that has it")
        rows += [{**{column: str(row[column] or "") for column in COLUMNS}, "split": split} for row in splits[split]]
    return rows


def alpaca_candidates(
    rows: list[dict[str, str]], instruction: Instruction, taxonomy: Taxonomy, dataset: str, repo_id: str, revision: str
) -> list[dict[str, Any]]:
    """Return the candidates of Alpaca rows, in the form of `candidates_from_responses`.

    If a row has another wording, or its answer names no label, its label is None and its query is the whole
    instruction; curation rejects it.

    Args:
        rows: what `download_alpaca` returned.
        instruction: the wording that the rows are expected to have.
        taxonomy: the labels.
        dataset: id of this data set.
        repo_id: the repository that the rows are from.
        revision: its commit.

    Raises:
        DataError: no row has the wording of `instruction`.
    """
    turns = [read_turn(instruction, "\n".join(filter(None, (row["instruction"], row["input"])))) for row in rows]
    if not any(turns):
        found = f"the first begins with {rows[0]['instruction'][:80]!r}" if rows else "it has no rows at all"
        raise DataError(
            f"{repo_id}@{revision}: no row has the wording of prompts/instruction.yaml of {dataset}, {found}; give "
            "that file the wording of those rows"
        )
    codes = {name: code for code, name in taxonomy.names.items()}
    origin = {"persona": UNKNOWN_PERSONA, "request": f"{repo_id}@{revision[:12]}", "generator": repo_id}
    numbers: defaultdict[str, Iterator[int]] = defaultdict(count)
    candidates = []
    for row, turn in zip(rows, turns, strict=True):
        code = codes.get(_chosen(row["output"].strip(), turn)) if turn else None
        query = turn.question if code else row["instruction"]
        identity = f"{row['split']}-{next(numbers[row['split']]):05d}"
        candidates.append({"id": identity, "query": query, "label": code, **origin, "recorded": None, "cost_usd": None})
    return candidates


def _chosen(output: str, turn: Turn) -> str | None:
    """Return the option that an answer names, as its turn asks for.

    That is by its letter, alone or before the option's own text, or by the option's text.
    """
    if turn.answer == "letter":
        option = turn.options.get(output[:1])
        return option if option and normalise(output[1:]) in ("", normalise(option)) else None
    return next((option for option in turn.options.values() if normalise(option) == normalise(output)), None)


def push_dataset(folder: str | Path, repo_id: str, token: str | None, private: bool = True) -> str:
    """Upload a folder's card and splits to a data set repository, which is created if it does not exist.

    Args:
        folder: holds the files PUBLISHED.
        repo_id: owner/name.
        token: of the Hub, with write access.
        private: whether only its owner may see the repository.

    Returns:
        The URL of the commit.

    Raises:
        HubError: there is no token, the Hub refuses, or the repository exists and is public although `private` is set.
        DataError: a file is missing.
    """
    if not token:
        raise HubError(f"HF_TOKEN is not set; set it to a token of the Hub with write access to {repo_id}")
    if missing := [name for name in PUBLISHED if not Path(folder, name).is_file()]:
        raise DataError(f"{folder}: no {', '.join(missing)}; make the card and both splits before the upload")
    api = HfApi(token=token.strip())
    with hub_errors(repo_id):
        api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        if private and not api.dataset_info(repo_id).private:
            raise HubError(f"{repo_id}: exists and is public; make it private, or set private: false")
        commit = api.upload_folder(repo_id=repo_id, folder_path=folder, repo_type="dataset", allow_patterns=PUBLISHED)
    return commit.commit_url
