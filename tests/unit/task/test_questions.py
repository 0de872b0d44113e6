import json

import pytest

from finintent.errors import DataError
from finintent.task.questions import read_questions
from finintent.task.taxonomy import Label, Taxonomy, read_taxonomy
from tiny import ROOT

TAXONOMY = read_taxonomy(ROOT / "resources/intent_understanding/taxonomy.yaml")
# An item in the very form of the released benchmark.
ITEM = {
    "id": "0",
    "question": "你是一个意图情绪助手。"
    "请分析以下问句的意图是[大盘问询，行业板块问询，个股问询，基金问询，客服问询]中的哪一个？请给出正确选项。\n问句:商业银行可以吗",
    "A": "行业板块问询",
    "B": "个股问询",
    "C": "大盘问询",
    "D": "客服问询",
    "E": "基金问询",
    "answer": "A",
}


def read(tmp_path, *items: object) -> list[dict]:
    path = tmp_path / "eval.json"
    path.write_text(json.dumps(items))
    return read_questions(path, TAXONOMY, "问句:")


def test_a_benchmark_item_is_read(tmp_path):
    assert read(tmp_path, ITEM) == [
        {
            "id": "0",
            "question": "商业银行可以吗",
            "options": {"A": "sector", "B": "stock", "C": "market", "D": "service", "E": "fund"},
            "gold": "sector",
            "hard": False,
        }
    ]


def test_options_in_another_order_keep_their_meaning(tmp_path):
    (question,) = read(tmp_path, ITEM | {"A": "基金问询", "E": "行业板块问询", "answer": "E"})
    assert question["gold"] == "sector"
    assert question["options"]["A"] == "fund"


def test_more_options_than_letters_are_numbered(tmp_path):
    labels = [Label(code=f"c{number}", name=f"name {number}", definition="d") for number in range(1, 78)]
    taxonomy = Taxonomy(version=1, language="en", title="t", labels=labels)
    item = {"id": "0", "question": "why?", "answer": "77"} | {str(n): f"name {78 - n}" for n in range(1, 78)}
    (tmp_path / "eval.json").write_text(json.dumps([item]))
    (question,) = read_questions(tmp_path / "eval.json", taxonomy, "")
    assert question["gold"] == "c1"
    assert question["options"] == {str(n): f"c{78 - n}" for n in range(1, 78)}


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "non-empty list"),
        ([{"id": "0"}], "item 0: expected an object with id, question"),
        ([ITEM | {"A": "天气"}], "option '天气' is not a name of the taxonomy"),
        ([ITEM | {"A": "基金问询"}], "expected each of .* once"),
        ([ITEM | {"answer": "F"}], "answer 'F' is not one of its letters"),
        ([ITEM | {"question": "商业银行可以吗"}], "question marker '问句:'"),
        ([ITEM, ITEM], "item 1: id '0' is that of item 0 too"),
    ],
)
def test_a_wrong_item_is_named(tmp_path, items: list, message: str):
    with pytest.raises(DataError, match=message):
        read(tmp_path, *items)
