"""A user turn is read back: `read_turn` is the inverse of `Instruction.render`."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finintent.task.reading import read_turn
from finintent.task.wording import Instruction, read_instruction
from tiny import ROOT

WORDINGS = [
    read_instruction(path / "prompts/instruction.yaml")
    for path in (ROOT / "resources/intent_understanding", ROOT / "tests/datasets/support_topics")
]
OPTIONS = {"A": "行业板块问询", "B": "个股问询", "C": "大盘问询", "D": "客服问询", "E": "基金问询"}
ORIGINAL = WORDINGS[0].render("商业银行可以吗", OPTIONS)
NAMES = st.lists(st.text(min_size=1).filter(lambda name: "\n" not in name), min_size=1, max_size=26)


@pytest.mark.parametrize("wording", WORDINGS, ids=["intents", "topics"])
@given(question=st.text() | st.text("AB. \n?"), names=NAMES, around=st.text(" \t\n"))
def test_a_rendered_turn_is_read_back(wording: Instruction, question: str, names: list[str], around: str):
    options = dict(zip(string.ascii_uppercase, names, strict=False))
    assert read_turn(wording, around + wording.render(question, options) + around) == (question, options)


def test_a_question_that_looks_like_options_is_read_back():
    topics = WORDINGS[1]
    question, options = "Why?\nA. one\nB. two\nAnswer A or B.\nA. one", {"A": "x", "B": "y", "C": "z"}
    assert read_turn(topics, topics.render(question, options)) == (question, options)


def test_the_row_of_the_original_study_is_read():
    assert read_turn(WORDINGS[0], ORIGINAL) == ("商业银行可以吗", OPTIONS)


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
    assert read_turn(WORDINGS[0], text) is None


def test_a_field_that_occurs_twice_has_to_agree():
    wording = Instruction(
        version=1,
        template="[{letters}] {question}\n{options}\n{{x}} {question} ({letters})",
        option="{letter}: {name}",
        letter_separator="/",
        last_letter_separator="/",
    )
    text = wording.render("why (a|b)?", {"A": "x", "B": "y"})
    assert read_turn(wording, text) == ("why (a|b)?", {"A": "x", "B": "y"})
    assert read_turn(wording, text.replace("why", "how", 1)) is None
