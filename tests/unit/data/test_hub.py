import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import constants

from fake_hub import TOKEN, FakeHub
from finintent.data.alpaca import alpaca_row
from finintent.data.candidates import candidates_from_responses
from finintent.data.hub import download_rows, hub_candidates, push_dataset
from finintent.errors import DataError, HubError
from finintent.row_files import FileRow
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import ROOT

RESOURCES = ROOT / "resources/intent_understanding"
TAXONOMY = read_taxonomy(RESOURCES / "taxonomy.yaml")
INSTRUCTION = read_instruction(RESOURCES / "prompts/instruction.yaml")
REPO = "someone/intents"
ROWS = [
    {"query": "商业银行可以吗", "label": "sector"},
    {"query": "茅台明天怎么走", "label": "stock"},
    {"query": "怎么修改密码", "label": "service"},
]
ALPACA = [alpaca_row(row, TAXONOMY, INSTRUCTION, "letter") for row in ROWS]
FILES = {
    "README.md": b"# rows\n",
    "data/train.json": json.dumps(ALPACA[:2], ensure_ascii=False).encode(),
    "data/validation.json": json.dumps(ALPACA[2:]).encode(),
    "data/loader.py": b"raise SystemExit('code of the repository was run')\n",
}
DOWNLOAD = """
import sys, json
from finintent.data.hub import *
print(json.dumps([[split, row.cells] for split, rows in download_rows(*sys.argv[1:]).items() for row in rows]))
"""
PUSH = "import os, sys; from finintent.data.hub import *; print(push_dataset(*sys.argv[1:], os.environ['TOKEN']))"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub(REPO, dict(FILES)) as hub:
        hub.connect(monkeypatch)
        yield hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "curated"
    folder.mkdir()
    for name in ("README.md", "train.jsonl", "validation.jsonl", "rejected.jsonl", "curation.json"):
        (folder / name).write_text(json.dumps({"query": f"{name} 问"}, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def run(hub: FakeHub, home: Path, code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run code in a process of its own, with the environment of a user."""
    path = {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **path, **hub.environment(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_pinned_commit_gives_its_rows_once_from_the_hub_and_then_without_it(hub, tmp_path):
    arguments = (DOWNLOAD, REPO, hub.commit, str(tmp_path / "cache"))
    first = run(hub, tmp_path, *arguments)
    asked = len(hub.requests)
    offline = run(hub, tmp_path, *arguments, HF_HUB_OFFLINE="1")
    rows = [[split, row] for row, split in zip(ALPACA, ("train", "train", "validation"), strict=True)]
    assert [json.loads(result.stdout) for result in (first, offline)] == [rows, rows], first.stderr
    assert len(hub.requests) == asked
    assert not any("loader.py" in request for request in hub.requests)


def test_all_splits_come_in_their_order(hub, tmp_path):
    names = {"other": "other", "test": "test", "dev": "validation", "train": "train"}
    files = "".join(f"  - {{split: {split}, path: {name}.csv}}\n" for name, split in names.items())
    hub.files = {f"{name}.csv": f"instruction,input,output\n{name},,A\n".encode() for name in names}
    hub.files["README.md"] = f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n".encode()
    splits = download_rows(REPO, hub.commit, tmp_path)
    assert list(splits) == ["train", "validation", "test", "other"]
    assert [row.cells for row in splits["train"]] == [{"instruction": "train", "input": "", "output": "A"}]


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        ((404, "RepoNotFound"), "no such repository, or a private one; check the name and HF_TOKEN"),
        ((401, "RepoNotFound"), "no such repository, or a private one; check the name and HF_TOKEN"),
        ((403, "GatedRepo"), "gated; accept its terms on its page, and set HF_TOKEN"),
        ((401, ""), "the Hub answered 401 (refused with 401); set HF_TOKEN to a token that may do this"),
        ((503, ""), "the Hub answered 503 (refused with 503); fix that, or run again later"),
    ],
)
def test_a_refusal_is_one_sentence_with_the_repository_and_what_to_do(hub, tmp_path, refusal, message: str):
    hub.refusal = refusal
    with pytest.raises(HubError, match=re.escape(f"{REPO}@{hub.commit}: {message}")):
        download_rows(REPO, hub.commit, tmp_path)


def test_a_file_that_is_refused_is_no_broken_connection(hub, tmp_path):
    hub.broken = {"data/train.json"}
    with pytest.raises(HubError, match="the Hub answered 403"):
        download_rows(REPO, hub.commit, tmp_path)


def test_another_commit_is_named(hub, tmp_path):
    with pytest.raises(HubError, match=f"{REPO}@{'0' * 40}: no such revision; give a commit"):
        download_rows(REPO, "0" * 40, tmp_path)


def test_no_connection_is_told_soon(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # where nobody listens
    start = time.monotonic()
    with pytest.raises(HubError, match=re.escape(f"{REPO}@{hub.commit}: the Hub cannot be reached (ConnectError)")):
        download_rows(REPO, hub.commit, tmp_path)
    assert time.monotonic() - start < 10


def test_offline_without_a_cached_copy_is_named(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="not in the cache, and HF_HUB_OFFLINE is set"):
        download_rows(REPO, hub.commit, tmp_path)
    assert hub.requests == []


def test_a_wrong_name_is_named(hub, tmp_path):
    with pytest.raises(HubError, match="not the name of a repository; expected owner/name"):
        download_rows("some/one/else", "0" * 40, tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"train.json": b'[{"prompt": "x", "output": "A"}]'},
            "train: the columns prompt, output, expected instruction",
        ),
        ({"README.md": b"# nothing\n"}, "no readable data set"),
        ({"loader.py": b""}, "no readable data set"),
    ],
)
def test_files_that_are_no_alpaca_rows_are_named(hub, tmp_path, files: dict[str, bytes], message: str):
    hub.files = files
    with pytest.raises(DataError, match=f"{REPO}@{hub.commit}.*{message}"):
        download_rows(REPO, hub.commit, tmp_path)


def test_a_broken_file_is_named(hub, tmp_path):
    hub.files = {"train.json": b"[{"}
    with pytest.raises(DataError, match=r"train\.json: not JSON"):
        download_rows(REPO, hub.commit, tmp_path)


def as_csv(rows: list[dict]) -> str:
    return pd.DataFrame(rows).to_csv(index=False)


AS_JSON = json.dumps(ALPACA, ensure_ascii=False)
TURNS = [
    {"conversations": [{"from": "human", "value": row["instruction"]}, {"from": "gpt", "value": row["output"]}]}
    for row in ALPACA
]
MESSAGES = [
    {"messages": [
        {"role": "user", "content": row["instruction"]}, {"role": "assistant", "content": row["output"]},
    ]}
    for row in ALPACA
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.json", AS_JSON.encode()),
        ("train.json", AS_JSON.encode("utf-8-sig")),
        ("train.json", AS_JSON.replace(r"\n", r"\r\n").encode()),
        ("train.json", AS_JSON.replace('"input": ""', '"input": null').encode()),
        ("train.json", AS_JSON.replace(', "input": ""', "").encode()),
        ("train.csv", as_csv(ALPACA).encode("utf-8-sig")),
        ("train.csv", as_csv(ALPACA).encode("gb18030")),
        ("train.jsonl", "\n".join(json.dumps(row) for row in TURNS).encode()),
        ("train.json", json.dumps(MESSAGES).encode()),
        ("data/train-00000-of-00001.parquet", pd.DataFrame(ALPACA).to_parquet()),
    ],
)
def test_sets_are_read_as_people_publish_them(hub, tmp_path, name: str, content: bytes):
    hub.files = {name: content}
    splits = download_rows(REPO, hub.commit, tmp_path)
    rows = hub_candidates(splits, INSTRUCTION, TAXONOMY, dataset="d", repo_id=REPO, revision=hub.commit)
    assert [(row["query"], row["label"]) for row in rows] == [(row["query"], row["label"]) for row in ROWS]


def test_a_row_with_more_cells_than_columns_is_named(hub, tmp_path):
    hub.files = {"train.csv": b"instruction,input,output\nx,,A,B\n"}
    with pytest.raises(DataError, match=r"train\.csv, row 2: 4 cells, but row 1 names 3"):
        download_rows(REPO, hub.commit, tmp_path)


def candidates(rows: list[dict], **change: str) -> list[dict]:
    splits: dict[str, list[FileRow]] = {}
    for row in rows:
        cells = row | change
        splits.setdefault(cells.pop("split", "train"), []).append(FileRow("row", cells))
    return hub_candidates(splits, INSTRUCTION, TAXONOMY, dataset="intents", repo_id=REPO, revision="c" * 40)


def test_candidates_have_the_form_of_other_candidates():
    (recorded, *_) = candidates_from_responses(RESOURCES / "recorded_responses.jsonl", "intent_understanding")
    found = candidates(ALPACA)
    assert [(row["query"], row["label"]) for row in found] == [(row["query"], row["label"]) for row in ROWS]
    assert list(found[0]) == list(recorded)
    assert found[1] == {
        "id": "train-00001", "query": "茅台明天怎么走", "label": "stock", "persona": "unknown",
        "request": f"{REPO}@cccccccccccc", "generator": REPO, "recorded": None, "cost_usd": None,
    }  # fmt: skip


def test_ids_count_within_a_split():
    rows = candidates([row | {"split": split} for row, split in zip(ALPACA, ("train", "test", "train"), strict=True)])
    assert [row["id"] for row in rows] == ["train-00000", "train-00001", "test-00000"]


def test_the_prompt_may_go_on_in_the_input():
    instruction, question = ALPACA[0]["instruction"].split("\n", 1)
    (row,) = candidates([{"instruction": instruction, "input": question, "output": "A"}])
    assert (row["query"], row["label"]) == ("商业银行可以吗", "sector")


@pytest.mark.parametrize(
    "output",
    ["A", " A\n", "A.", "A。", "a", "Ａ", "选项A", "答案：A", "A. 行业板块问询", "A 行业板块问询。", "行业板块问询"],
)
def test_an_answer_is_read_by_its_letter(output: str):
    assert candidates(ALPACA[:1], output=output)[0]["label"] == "sector"


@pytest.mark.parametrize("output", ["", "F", "天气", "A或B", "A. 个股问询"])
def test_an_answer_that_names_no_option_has_no_label(output: str):
    row = candidates([ALPACA[0]], output=output)[0]
    assert (row["query"], row["label"]) == (ALPACA[0]["instruction"], None)


def test_a_row_that_asks_for_the_options_text_is_read_by_it():
    row = alpaca_row(ROWS[0], TAXONOMY, INSTRUCTION, "label")
    for output, label in (("行业板块问询", "sector"), (" 个股问询。\n", "stock"), ("A", None), ("天气", None)):
        assert candidates([row], output=output)[0]["label"] == label


def test_the_letter_stands_for_the_option_of_its_own_row():
    text = ALPACA[0]["instruction"].replace("A. 行业板块问询", "A. 基金问询").replace("E. 基金问询", "E. 天气")
    rows = candidates([{"instruction": text, "input": "", "output": letter} for letter in "AE"])
    assert [row["label"] for row in rows] == ["fund", None]


def test_a_row_in_another_wording_is_kept_without_a_label():
    rows = candidates([ALPACA[0], {"instruction": "写一首诗", "input": "春天", "output": "A"}])
    assert [(row["query"], row["label"]) for row in rows] == [("商业银行可以吗", "sector"), ("写一首诗\n春天", None)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"instruction": "x" * 90, "input": "", "output": "A"}], f"begins with '{'x' * 79}…'; give that file"),
        ([], "there are no rows at all"),
    ],
)
def test_no_row_in_the_wording_is_named(rows: list[dict], message: str):
    with pytest.raises(DataError, match="no row has the wording") as error:
        candidates(rows)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Name the intent.", "input": "茅台明天怎么走", "output": "stock"},
        {"instruction": "茅台明天怎么走", "output": "个股问询", "system": "Name the intent."},
        {"conversations": [
            {"from": "system", "value": "Name the intent."}, {"from": "human", "value": "茅台明天怎么走"},
            {"from": "gpt", "value": "个股问询"},
        ]},
    ],
)  # fmt: skip
def test_the_users_own_words_are_the_query_where_they_stand_alone(row: dict):
    assert [(row["query"], row["label"]) for row in candidates([row])] == [("茅台明天怎么走", "stock")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"instruction": ["x"], "output": "A"}, r"row: instruction is \['x'\], expected text"),
        ({"conversations": "x"}, "row: x; expected a turn of the user and one of the assistant"),
        ({"conversations": [{"from": "human", "value": "x"}] * 2}, "expected a turn of the user and one of"),
        ({"conversations": [{"from": "bot", "value": "x"}]}, "expected a turn of the user and one of"),
    ],
)
def test_a_row_of_another_form_is_named(row: dict, message: str):
    with pytest.raises(DataError, match=message):
        candidates([row])


def test_a_push_makes_a_private_repository_of_exactly_three_files(hub, tmp_path, folder):
    hub.files = None
    result = run(hub, tmp_path / "home", PUSH, str(folder), REPO, TOKEN=TOKEN, HF_DEBUG="1")
    names = ["README.md", "train.jsonl", "validation.jsonl"]
    assert hub.uploads == [{name: (folder / name).read_bytes() for name in names}], result.stderr
    assert hub.private
    assert result.stdout == f"{hub.url}/datasets/{REPO}/commit/{hub.commit}\n"
    assert TOKEN not in result.stdout + result.stderr
    assert not any(TOKEN.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_second_push_adds_a_commit(hub, folder):
    hub.private = True
    push_dataset(folder, REPO, TOKEN)
    (folder / "train.jsonl").write_text("{}\n")
    push_dataset(folder, REPO, f"{TOKEN}\n")  # white space is easily copied along
    assert [upload["train.jsonl"] for upload in hub.uploads[1:]] == [b"{}\n"]


def test_a_push_to_a_public_repository_has_to_be_meant(hub, folder):
    with pytest.raises(HubError, match=f"{REPO}: exists and is public"):
        push_dataset(folder, REPO, TOKEN)
    assert hub.uploads == []
    push_dataset(folder, REPO, TOKEN, private=False)
    assert len(hub.uploads) == 1


@pytest.mark.parametrize("token", ["hf_wrong", f"{TOKEN}\nX"])
def test_a_token_that_does_not_do_stays_secret(hub, folder, capfd, token: str):
    with pytest.raises(HubError, match=f"^{REPO}: ") as error:
        push_dataset(folder, REPO, token)
    assert hub.uploads == []
    assert token[:8] not in str(error.value) + "".join(capfd.readouterr())


def test_what_the_hub_says_of_the_card_is_told(hub, folder):
    hub.private, hub.card_errors = True, ['"license" must be one of [other]']
    with pytest.raises(HubError, match=r'README.md. - "license" must be one of \[other\]'):
        push_dataset(folder, REPO, TOKEN)
    assert hub.uploads == []


def test_what_a_push_lacks_is_named(hub, folder):
    with pytest.raises(
        HubError, match=f"HF_TOKEN is not set; set it to a token of the Hub with write access to {REPO}"
    ):
        push_dataset(folder, REPO, "")
    (folder / "README.md").unlink()
    with pytest.raises(DataError, match=r"curated: no README\.md; make the card"):
        push_dataset(folder, REPO, TOKEN)
    assert hub.requests == []
