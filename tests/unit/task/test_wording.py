import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finintent.data.alpaca import alpaca_row
from finintent.errors import DataError
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import Instruction, read_instruction
from tiny import ROOT

RESOURCES = ROOT / "resources/intent_understanding"

# The row of the original study.
ORIGINAL = (
    "作为一个意图情绪助手，请分析以下问句的意图类型。\n\n问句: 商业银行可以吗\n\n请从以下选项中选择最合适的意图类型：\n"
    "A. 行业板块问询\nB. 个股问询\nC. 大盘问询\nD. 客服问询\nE. 基金问询\n\n请仅回答选项字母（A、B、C、D或E）。"
)


def test_alpaca_row_has_the_original_wording():
    row = alpaca_row(
        {"query": "商业银行可以吗", "label": "sector"},
        read_taxonomy(RESOURCES / "taxonomy.yaml"),
        read_instruction(RESOURCES / "prompts/instruction.yaml"),
    )
    assert row == {"instruction": ORIGINAL, "input": "", "output": "A"}


def test_a_brace_in_a_question_stays_as_it_is():
    wording = read_instruction(RESOURCES / "prompts/instruction.yaml")
    assert "问句: {letters} {0}\n" in wording.render("{letters} {0}", {"A": "x", "B": "y"})


WORDINGS = [
    read_instruction(path / "prompts/instruction.yaml") for path in (RESOURCES, ROOT / "tests/datasets/support_topics")
]
NAMES = st.lists(st.text(min_size=1).filter(lambda name: "\n" not in name), min_size=1, max_size=26)


@pytest.mark.parametrize("wording", WORDINGS, ids=["intents", "topics"])
@given(question=st.text() | st.text("AB. \n?"), names=NAMES, around=st.text(" \t\n"))
def test_a_rendered_turn_is_read_back(wording: Instruction, question: str, names: list[str], around: str):
    options = dict(zip(string.ascii_uppercase, names, strict=False))
    assert wording.read(around + wording.render(question, options) + around) == (question, options)


def test_a_question_that_looks_like_options_is_read_back():
    topics = WORDINGS[1]
    question, options = "Why?\nA. one\nB. two\nAnswer A or B.\nA. one", {"A": "x", "B": "y", "C": "z"}
    assert topics.read(topics.render(question, options)) == (question, options)


def test_the_row_of_the_original_study_is_read():
    question, options = WORDINGS[0].read(ORIGINAL)
    assert question == "商业银行可以吗"
    assert options == {"A": "行业板块问询", "B": "个股问询", "C": "大盘问询", "D": "客服问询", "E": "基金问询"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "商业银行可以吗",
        ORIGINAL.replace("请仅回答", "请回答"),
        ORIGINAL.replace("、D或E", "或D"),
        ORIGINAL.replace("B. 个股问询\n", ""),
        "请看：" + ORIGINAL,
    ],
)
def test_another_wording_is_not_read(text: str):
    assert WORDINGS[0].read(text) is None


def test_a_field_that_occurs_twice_has_to_agree():
    wording = Instruction(
        version=1,
        template="[{letters}] {question}\n{options}\n{{x}} {question} ({letters})",
        option="{letter}: {name}",
        letter_separator="/",
        last_letter_separator="/",
    )
    text = wording.render("why (a|b)?", {"A": "x", "B": "y"})
    assert wording.read(text) == ("why (a|b)?", {"A": "x", "B": "y"})
    assert wording.read(text.replace("why", "how", 1)) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"template": "{options}"}, "lacks {question}"),
        ({"template": "{question} {options} {mood}"}, "unknown field.*mood"),
        ({"option": "{letter}"}, "lacks {name}"),
    ],
)
def test_a_wrong_template_is_named(change: dict, message: str):
    values = {
        "version": 1, "template": "{question} {options}", "option": "{letter} {name}", "letter_separator": ",",
        "last_letter_separator": ",",
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        Instruction(**values | change)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1", r"taxonomy.yaml: language: Field required"),
        ("version: [", r"taxonomy.yaml: not YAML"),
        ("version: 1\nlanguage: en\ntitle: t\nlabels: []\n", r"labels: Tuple should have at least 2 items"),
        (
            "{version: 1, language: en, title: t, labels: [{code: a, name: n, definition: d}, "
            "{code: a, name: m, definition: d}]}",
            "every label needs a code of its own",
        ),
    ],
)
def test_a_wrong_taxonomy_is_named(tmp_path, text: str, message: str):
    path = tmp_path / "taxonomy.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_taxonomy(path)


def test_a_missing_file_is_named():
    with pytest.raises(DataError, match=r"nowhere\.yaml: no such file"):
        read_taxonomy("nowhere.yaml")
