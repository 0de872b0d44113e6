import pytest

from finintent.errors import DataError
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import Instruction, read_instruction
from tiny import ROOT

# The row of the original study, and its shortest relatives.
LETTER_PROMPTS = {
    "resources/intent_understanding": (
        "作为一个意图情绪助手，请分析以下问句的意图类型。\n\n问句: 商业银行可以吗\n\n"
        "请从以下选项中选择最合适的意图类型：\nA. 行业板块问询\nB. 个股问询\nC. 大盘问询\nD. 客服问询\nE. 基金问询\n\n"
        "请仅回答选项字母（A、B、C、D或E）。"
    ),
    "resources/emotion_identification": (
        "作为一个金融内容情绪识别助手，请判断以下内容传达的情绪。\n\n内容: 商业银行可以吗\n\n"
        "请从以下选项中选择最合适的情绪：\nA. 积极\nB. 消极\nC. 中性\n\n请仅回答选项字母（A、B或C）。"
    ),
    "tests/datasets/support_topics": (
        "Question: 商业银行可以吗\nA. Billing\nB. Shipping\nC. Account\nAnswer A, B or C."
    ),
}
LABEL_REQUESTS = {
    "resources/intent_understanding": "请仅回答意图类型的名称。",
    "resources/emotion_identification": "请仅回答情绪的名称。",
    "tests/datasets/support_topics": "Answer with the name of the topic.",
}
WORDING = {
    "version": 1, "template": "{question} {options} {request}", "option": "{letter} {name}", "letter_separator": ",",
    "last_letter_separator": ",", "request": {"letter": "({letters})", "label": "name"},
}  # fmt: skip


@pytest.mark.parametrize("folder", LETTER_PROMPTS)
def test_the_two_forms_of_a_prompt_differ_in_the_last_line_alone(folder: str):
    taxonomy = read_taxonomy(ROOT / folder / "taxonomy.yaml")
    wording = read_instruction(ROOT / folder / "prompts/instruction.yaml")
    options = {letter: taxonomy.names[code] for letter, code in taxonomy.options.items()}
    by_letter = wording.render("商业银行可以吗", options)
    assert by_letter == LETTER_PROMPTS[folder]
    by_label = wording.render("商业银行可以吗", options, "label")
    assert by_label == "\n".join([*by_letter.split("\n")[:-1], LABEL_REQUESTS[folder]])


def test_a_brace_in_a_question_stays_as_it_is():
    wording = read_instruction(ROOT / "resources/intent_understanding/prompts/instruction.yaml")
    for answer in ("letter", "label"):
        assert "问句: {letters} {0} {request}\n" in wording.render("{letters} {0} {request}", {"A": "x"}, answer)


def test_options_without_letters_of_their_own_need_the_label_form():
    options = {str(number): f"option {number}" for number in range(1, 78)}
    wording = Instruction(**WORDING)
    text = wording.render("why?", options, "label")
    assert text.startswith("why? 1 option 1\n2 option 2\n")
    assert text.endswith("\n77 option 77 name")
    with pytest.raises(DataError, match=r"77 options, but only 26 letters .*\(answer: label\)"):
        wording.render("why?", options)


def test_a_wording_without_requests_asks_for_letters():
    wording = Instruction(**WORDING | {"template": "{question} {options} {letters}", "request": {}})
    assert wording.render("why?", {"A": "x", "B": "y"}) == "why? A x\nB y A,B"
    with pytest.raises(DataError, match=r"no request\.label; write there .* and \{request\} where the template"):
        wording.render("why?", {"A": "x", "B": "y"}, "label")


def test_a_wording_for_labels_alone_does_not_ask_for_letters():
    wording = Instruction(**WORDING | {"request": {"label": "name"}})
    assert wording.render("why?", {"A": "x", "B": "y"}, "label") == "why? A x\nB y name"
    with pytest.raises(DataError, match=r"no request\.letter"):
        wording.render("why?", {"A": "x", "B": "y"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"template": "{options} {request}"}, "lacks {question}"),
        ({"template": "{question} {options}"}, "lacks {request}"),
        ({"template": "{question} {options} {request} {letters}"}, "unknown field.*letters"),
        ({"template": "{question} {options} {request} {mood}"}, "unknown field.*mood"),
        ({"request": {}}, "unknown field.*request"),
        ({"request": {"label": "{letters}"}}, "unknown field.*letters"),
        ({"request": {"number": "1"}}, "'letter' or 'label'"),
        ({"option": "{letter}"}, "lacks {name}"),
        ({"option": "{letter} {name} {letters}"}, "unknown field.*letters"),
        ({"option": "{letter:03d} {name}"}, "more than a name in the field 'letter'; write {letter}"),
        ({"option": "{letter} {name!r}"}, "more than a name in the field 'name'"),
        ({"template": "{question} {options:{letters}} {request}"}, "more than a name in the field 'options'"),
    ],
)
def test_a_wrong_wording_is_named(change: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Instruction(**WORDING | change)


def test_a_missing_file_is_named():
    with pytest.raises(DataError, match=r"nowhere\.yaml: no such file"):
        read_instruction("nowhere.yaml")
