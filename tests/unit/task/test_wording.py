import pytest

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
