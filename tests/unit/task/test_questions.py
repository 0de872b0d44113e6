import json

import pytest

from finintent.errors import DataError
from finintent.task.questions import checked, read_questions, read_texts
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


PLAIN = {key: ITEM[key] for key in ("id", "question")}


@pytest.mark.parametrize(
    "answer", ["A", "a", " A ", "Ａ", "A.", "行业板块问询", " 行业板块问询 ", "sector", "SECTOR"]
)  # fmt: skip
def test_an_answer_is_read_as_people_write_it(tmp_path, answer: str):
    assert read(tmp_path, ITEM | {"answer": answer})[0]["gold"] == "sector"


@pytest.mark.parametrize("key", ["answer", "label", "gold", "Label"])
def test_options_may_be_left_out(tmp_path, key: str):
    (question,) = read(tmp_path, PLAIN | {key: "fund"})
    assert question["gold"] == "fund"
    assert question["options"] == TAXONOMY.options


def test_options_may_be_a_list(tmp_path):
    names = ["基金问询", "个股问询 ", "大盘问询", "客服问询", "行业板块问询"]
    (question,) = read(tmp_path, PLAIN | {"options": names, "answer": "E"})
    assert question["gold"] == "sector"
    assert question["options"]["A"] == "fund"


def test_rows_without_ids_are_numbered(tmp_path):
    items = [{"question": f"问句:问题{number}", "label": "fund"} for number in (1, 2)]
    assert [question["id"] for question in read(tmp_path, *items)] == ["1", "2"]


def test_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "eval.csv"
    path.write_text("Question;Label;hard\n商业银行可以吗;sector;yes\n\n茅台;个股问询;\n", encoding="gb18030")
    first, second = read_questions(path, TAXONOMY, "")
    assert (first["question"], first["gold"], first["hard"]) == ("商业银行可以吗", "sector", True)
    assert (second["question"], second["gold"], second["hard"]) == ("茅台", "stock", False)


def test_a_question_that_is_repeated_is_said(tmp_path, caplog):
    assert len(read(tmp_path, ITEM, ITEM | {"id": "1"})) == 2
    assert "item 2: the same question as" in caplog.text


def test_a_text_that_looks_like_a_missing_value_is_text(tmp_path):
    path = tmp_path / "eval.csv"
    path.write_text("question,label\nnull,fund\nNaN,stock\n")
    assert [question["question"] for question in read_questions(path, TAXONOMY, "")] == ["null", "NaN"]


WITHOUT_C = {key: value for key, value in ITEM.items() if key != "C"}


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], r"eval\.json: no rows, expected at least one"),
        ([{"id": "0"}], "item 1: no question or text or query, found id; expected a question and its answer"),
        ([ITEM, PLAIN | {"id": "1"}], "item 2: no answer or label or gold"),
        ([1], "item 1: found 1, expected an object"),
        ([ITEM | {"A": "天气"}], "option '天气' is not a name of the taxonomy"),
        ([ITEM | {"A": ["行业板块问询"]}], r"option \['行业板块问询'\] is not a name"),
        ([ITEM | {"A": "基金问询"}], "expected each of .* once"),
        ([WITHOUT_C], "expected each of .* once"),
        ([PLAIN | {"options": "A", "answer": "A"}], "options is 'A', expected a list"),
        ([ITEM | {"answer": "F"}], r"answer 'F' names no label, expected one of its letters \(A, B, C, D, E\)"),
        ([PLAIN | {"answer": "A"}], "answer 'A' names no label, expected a label's code"),
        ([ITEM | {"answer": 0}], "answer 0 names no label"),
        ([ITEM | {"answer": ["A"]}], r"answer \['A'\] names no label"),
        ([ITEM | {"question": "商业银行可以吗"}], "question marker '问句:'"),
        ([ITEM | {"question": "问句:  "}], "question after '问句:' is ' ', expected some text"),
        ([ITEM | {"question": None}], "question is None, expected some text"),
        (
            [ITEM | {"question": "问句:？？？"}],
            r"question after '问句:' is '？？？', expected some text, with a letter or a",
        ),
        ([ITEM | {"question": 7}], "question is 7, expected some text"),
        ([ITEM | {"id": None}], "id is None, expected a text or an integer"),
        ([ITEM | {"id": " "}], "id is ' ', expected a text or an integer"),
        ([ITEM, {key: value for key, value in ITEM.items() if key != "id"}], "item 2: no id, which other rows have"),
        ([ITEM | {"hard": "maybe"}], "hard is 'maybe', expected true or false"),
        ([ITEM, ITEM], r"item 2: id '0' is that of .*item 1 too"),
        ([ITEM, ITEM | {"id": "1", "answer": "B"}], "item 2: the same question as .* the answer is 'stock' here"),
    ],
)
def test_a_wrong_item_is_named(tmp_path, items: list, message: str):
    with pytest.raises(DataError, match=message):
        read(tmp_path, *items)


def test_an_answer_that_is_a_letter_of_one_label_and_the_code_of_another_is_refused(tmp_path):
    taxonomy = Taxonomy(
        version=1, language="en", title="t", labels=[Label(code=c, name=f"name {c}", definition="d") for c in "ab"]
    )
    path = tmp_path / "eval.json"
    path.write_text(json.dumps([{"id": "0", "question": "why", "A": "name b", "B": "name a", "answer": "a"}]))
    with pytest.raises(DataError, match="answer 'a' names two labels"):
        read_questions(path, taxonomy, "")


def test_a_users_own_questions_are_read_from_any_table(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffText\r\n hello \r\n\r\n")
    assert read_texts(tmp_path / "a.csv") == ["hello"]
    (tmp_path / "a.jsonl").write_text('{"question": "x"}\n{"text": null}\n')
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: text is None, expected some text"):
        read_texts(tmp_path / "a.jsonl")


@pytest.mark.parametrize("text", ["", " ", "???", "……", "😂", "\u200b", "\x00"])
def test_what_is_no_training_query_is_no_question(text: str):
    with pytest.raises(DataError, match="expected some text, with a letter or a digit in it"):
        checked(text)


def test_two_columns_of_answers_must_agree(tmp_path):
    assert read(tmp_path, ITEM | {"label": "sector"})[0]["gold"] == "sector"
    with pytest.raises(DataError, match="item 1: answer is 'A', but label is 'fund'; remove the column"):
        read(tmp_path, ITEM | {"label": "fund"})


def test_half_an_emoji_of_a_command_line_is_replaced():
    assert checked("where \ud83d is it 🙂") == "where � is it 🙂"
