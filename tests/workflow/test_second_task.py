"""OpenFinData's emotion_identification through the same reader and the same gate, with texts invented here."""

import json
import random
import re
from pathlib import Path

import pytest
import yaml

from fake_claude import FakeClaude
from finintent.errors import DataError
from finintent.files import digest, read_jsonl
from finintent.task.questions import read_questions
from finintent.task.reading import read_turn
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import ROOT, make_workspace, snakemake, tiny_config

DATASET = "emotion_identification"
RESOURCES = ROOT / "resources" / DATASET
TAXONOMY = read_taxonomy(RESOURCES / "taxonomy.yaml")
BLOCK = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))["datasets"][DATASET]
# The form of the benchmark's file, with other texts.
FRAME = "你是一个内容情绪识别助手。请判断以下内容传达的情绪属于【积极、消极、中性】中的哪一类。请给出正确选项。\n"
TEXTS = {"测试文本：今天又赚了一顿火锅钱": "A", "测试文本：再也不碰这个板块": "B", "测试文本：下周三召开股东大会 ": "C"}
ITEMS = [
    {"id": str(index), "question": FRAME + text, "A": "积极", "B": "消极", "C": "中性", "answer": answer}
    for index, (text, answer) in enumerate(TEXTS.items())
]


def write(folder: Path, *items: dict) -> Path:
    path = folder / f"{DATASET}.json"
    path.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    return path


def test_a_file_of_the_benchmarks_form_is_read(tmp_path: Path):
    questions = read_questions(write(tmp_path, *ITEMS), TAXONOMY, BLOCK["evaluation"]["marker"])
    assert [question["question"] for question in questions] == [text.strip() for text in TEXTS]
    assert [question["gold"] for question in questions] == ["positive", "negative", "neutral"]
    assert questions[0]["options"] == TAXONOMY.options  # training rows have the same order


def test_an_option_that_the_taxonomy_lacks_is_named(tmp_path: Path):
    path = write(tmp_path, ITEMS[0] | {"C": "不确定"})
    with pytest.raises(DataError, match=r"item 1: option '不确定' is not a name of the taxonomy \(积极, 消极, 中性\)"):
        read_questions(path, TAXONOMY, BLOCK["evaluation"]["marker"])


def test_the_instruction_can_be_read_back():
    instruction = read_instruction(RESOURCES / "prompts/instruction.yaml")
    shown = {letter: TAXONOMY.names[code] for letter, code in TAXONOMY.options.items()}
    for answer, request in (("letter", "请仅回答选项字母（A、B或C）。"), ("label", "请仅回答情绪的名称。")):
        text = instruction.render("测试文本", shown, answer)
        assert text.endswith(f"\nA. 积极\nB. 消极\nC. 中性\n\n{request}")
        assert read_turn(instruction, text) == ("测试文本", shown, answer)


def write_texts(body: dict) -> dict:
    """Distinct nonsense of ideographs, as many texts as asked for."""
    rng = random.Random(digest(body))
    count = int(re.search(r"请写 (\d+) 条文本", body["messages"][0]["content"])[1])
    return {"queries": ["".join(chr(rng.randrange(0x4E00, 0x9FA0)) for _ in range(30)) for _ in range(count)]}


def test_claude_is_asked_for_its_training_rows(tmp_path: Path):
    config = tiny_config({"none": tmp_path})
    (tmp_path / "config.json").write_text("{}")
    config["study"]["datasets"] = [DATASET]
    evaluation = {"path": str(write(tmp_path, *ITEMS)), "marker": BLOCK["evaluation"]["marker"]}
    config["datasets"] = {
        DATASET: BLOCK | {"curation": {"train_rows": 12, "validation_rows": 6}, "evaluation": evaluation}
    }
    workspace = make_workspace(tmp_path / "study", config)
    target = f"results/curated/{DATASET}/train.jsonl"
    with FakeClaude(write_texts) as server:
        snakemake(workspace, target, ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=server.url)
        systems = {body["system"][0]["text"] for body in server.requests}
    (system,) = systems
    for label in TAXONOMY.labels:
        assert f"- {label.code}（{label.name}）：{label.definition}" in system
    rows = read_jsonl(workspace / target)
    assert len(rows) == 12
    assert {row["label"] for row in rows} == set(TAXONOMY.codes)
