"""The Hugging Face Hub: reading rows from a data set at a pinned commit, and uploading a curated set."""

from pathlib import Path
from typing import Any

import datasets
from huggingface_hub import HfApi, snapshot_download

from finintent.data.curation import UNKNOWN_PERSONA
from finintent.data.taught_rows import is_taught, taught_candidates, taught_rows
from finintent.errors import DataError, HubError
from finintent.hub_errors import hub_errors
from finintent.row_files import FileRow, columns_of, read_rows
from finintent.task.taxonomy import Taxonomy
from finintent.task.wording import Instruction

SPLITS = ("train", "validation", "test")
FILES = ["*.json", "*.jsonl", "*.csv", "*.parquet", "README.md"]
PUBLISHED = ["README.md", "train.jsonl", "validation.jsonl"]  # never rejected.jsonl: it holds evaluation questions


def download_rows(repo_id: str, revision: str, cache: str | Path, token: str | None = None) -> dict[str, list[FileRow]]:
    """Return the rows of a data set repository at a commit.

    Args:
        repo_id: owner/name.
        revision: the commit.
        cache: folder that keeps the files: an interrupted download resumes, a second one needs no network.
        token: of the Hub, for a gated or private repository.

    Returns:
        The rows of each split, in the order train, validation, test, other splits.

    Raises:
        HubError: the Hub does not give the files.
        DataError: they cannot be read, or hold neither Alpaca nor ShareGPT rows.
    """
    source = f"{repo_id}@{revision}"
    with hub_errors(source):
        folder = snapshot_download(
            repo_id, repo_type="dataset", revision=revision, cache_dir=cache, token=token or None, allow_patterns=FILES
        )
    try:
        # The library knows which file is of which split, from their names and from the card.
        files = datasets.load_dataset_builder(folder, cache_dir=str(Path(cache, "arrow"))).config.data_files
    except (datasets.exceptions.DatasetsError, FileNotFoundError, ValueError) as error:
        reason = str(error.__cause__ or error).split("\n")[0]
        raise DataError(f"{source}: no readable data set ({reason}); expected JSON, CSV or Parquet files") from None
    splits = {}
    for split in sorted(files or {}, key=lambda name: SPLITS.index(name) if name in SPLITS else len(SPLITS)):
        splits[str(split)] = [row for path in files[split] for row in read_rows(path)]
        if not is_taught(found := columns_of(splits[str(split)])):
            raise DataError(
                f"{source}, {split}: the columns {', '.join(found) or 'differ from row to row'}, expected instruction "
                "and output (Alpaca) or conversations (ShareGPT); choose another set"
            )
    return splits


def hub_candidates(
    splits: dict[str, list[FileRow]],
    instruction: Instruction,
    taxonomy: Taxonomy,
    *,
    dataset: str,
    repo_id: str,
    revision: str,
) -> list[dict[str, Any]]:
    """Return the candidates of a repository's rows, in the form of `candidates_from_responses`.

    Args:
        splits: what `download_rows` returned.
        instruction: the wording that the rows are expected to have.
        taxonomy: the labels.
        dataset: id of this data set.
        repo_id: the repository that the rows are from.
        revision: its commit.

    Raises:
        DataError: no row has the wording of `instruction`.
    """
    pairs = taught_candidates(
        taught_rows(row for rows in splits.values() for row in rows),
        instruction,
        taxonomy,
        source=f"{repo_id}@{revision}",
        advice=f"give that file of {dataset} the wording of those rows",
    )
    identities = [f"{split}-{number:05d}" for split, rows in splits.items() for number in range(len(rows))]
    origin = {"persona": UNKNOWN_PERSONA, "request": f"{repo_id}@{revision[:12]}", "generator": repo_id}
    return [
        {"id": identity, "query": query, "label": code, **origin, "recorded": None, "cost_usd": None}
        for identity, (query, code) in zip(identities, pairs, strict=True)
    ]


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
