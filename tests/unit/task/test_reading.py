"""A user turn is read back: `read_turn` is the inverse of `Instruction.render`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finintent.config.answer_form import Answer
from finintent.task.reading import read_turn
from finintent.task.taxonomy import option_markers
from finintent.task.wording import Instruction, read_instruction
from tiny import ROOT

WORDINGS = [
    read_instruction(path / "prompts/instruction.yaml")
    for path in (ROOT / "resources/intent_understanding", ROOT / "tests/datasets/support_topics")
]
OPTIONS = {"A": "行业板块问询", "B": "个股问询", "C": "大盘问询", "D": "客服问询", "E": "基金问询"}
ORIGINAL = WORDINGS[0].render("商业银行可以吗", OPTIONS)
NAME = st.text(min_size=1).filter(lambda name: "\n" not in name)


@pytest.mark.parametrize("answer", ["letter", "label"])
@pytest.mark.parametrize("wording", WORDINGS, ids=["intents", "topics"])
@given(question=st.text() | st.text("AB. \n?"), names=st.lists(NAME, min_size=1, max_size=26), around=st.text(" \t\n"))
def test_a_rendered_turn_is_read_back(
    wording: Instruction, answer: Answer, question: str, names: list[str], around: str
):
    options = dict(zip(option_markers(len(names)), names, strict=True))
    text = around + wording.render(question, options, answer) + around
    assert read_turn(wording, text) == (question, options, answer)


@pytest.mark.parametrize("wording", WORDINGS, ids=["intents", "topics"])
def test_more_options_than_letters_are_read_back_by_their_numbers(wording: Instruction):
    options = {str(number): f"option {number}" for number in range(1, 78)}
    text = wording.render("Why?\n3. one\n", options, "label")
    assert "\n1. option 1\n" in text
    assert "\n77. option 77\n" in text
    assert read_turn(wording, text) == ("Why?\n3. one\n", options, "label")


@pytest.mark.parametrize("answer", ["letter", "label"])
def test_a_question_that_looks_like_options_is_read_back(answer: Answer):
    topics = WORDINGS[1]
    question, options = "Why?\nA. one\nB. two\nAnswer A or B.\nA. one", {"A": "x", "B": "y", "C": "z"}
    assert read_turn(topics, topics.render(question, options, answer)) == (question, options, answer)


def test_the_row_of_the_original_study_is_read():
    assert read_turn(WORDINGS[0], ORIGINAL) == ("商业银行可以吗", OPTIONS, "letter")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "商业银行可以吗",
        ORIGINAL.replace("请仅回答", "请回答"),
        ORIGINAL.replace("、D或E", "或D"),
        ORIGINAL.replace("B. 个股问询\n", ""),
        ORIGINAL.replace("请仅回答选项字母（A、B、C、D或E）。", "请仅回答名称。"),
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
    assert read_turn(wording, text) == ("why (a|b)?", {"A": "x", "B": "y"}, "letter")
    assert read_turn(wording, text.replace("why", "how", 1)) is None
