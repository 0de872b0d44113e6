"""What counts as text, and the form in which texts are compared."""

import pytest

from finintent.task.text import cleaned, has_text, normalise


@pytest.mark.parametrize("text", ["A股", "12", "١٢", "ก", "é", "茅台"])
def test_a_letter_or_digit_is_text(text: str):
    assert has_text(text)


@pytest.mark.parametrize("text", ["", " \n", "？？？", "……", "😂", "-", "\u200b", "\x00", "\ufffd"])
def test_signs_alone_are_no_text(text: str):
    assert not has_text(text)


def test_invisible_characters_go_and_those_that_scripts_need_stay():
    assert cleaned("\ufeff 茅\u200b台\x00\u2060 ") == "茅台"
    assert cleaned("a\tb\nc") == "a\tb\nc"
    assert cleaned("می\u200cخواهم") == "می\u200cخواهم"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("ＥＴＦ怎么买？", "etf怎么买"),
        ("中国平安，今天 为什么跌了", "中国平安今天为什么跌了"),
        ("茅台\u200b还能买吗", "茅台还能买吗"),
        ("銀證轉賬為什麼提示非服務時間", "银证转账为什么提示非服务时间"),
        ("STRASSE", "straße"),
        ("cafe\u0301", "café"),
        ("❤️", "❤"),
    ],
)
def test_texts_that_read_the_same_compare_as_the_same(left: str, right: str):
    assert normalise(left) == normalise(right)


@pytest.mark.parametrize(("left", "right"), [("कि", "का"), ("ปา", "ปี"), ("café", "cafe")])
def test_texts_that_differ_in_a_mark_alone_differ(left: str, right: str):
    assert normalise(left) != normalise(right)
