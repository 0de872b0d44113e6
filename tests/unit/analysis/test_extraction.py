import pytest
from hypothesis import given
from hypothesis import strategies as st

from finintent.analysis.extraction import TEXT_SCORERS, _words, answer_text, greedy, greedy_label, opencompass, original
from options import LETTERS, NAMES

ECHO = "\n".join(f"{letter}. {name}" for letter, name in NAMES.items())


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("Ｂ", "B"),
        ("b", "B"),
        ("(ｂ)。", "B"),
        ("B. 个股问询", "B"),
        ("B、个股问询", "B"),
        ("选项E：基金问询", "E"),
        ("答案是 B", "B"),
        ("答案是（Ｂ）", "B"),
        ("答案：B\n解释：…", "B"),
        ("(B)", "B"),
        ("**B**", "B"),
        ("_B_", "B"),
        ("The answer is B.", "B"),
        ("B，所以选B", "B"),
        ("B，所以选A", None),
        ("A或B", None),
        ("A、B、C、D或E", None),
        ("A/B", None),
        ("A大盘问询选B", None),
        ("A-B", None),
        ("AB", None),
        (ECHO, None),
        ("ETF基金", None),
        ("AI", None),
        ("B2", None),
        ("A-share", None),
        ("A's", None),
        ("a loan", None),
        ("A股", None),
        ("A股怎么走", None),
        ("C. A股指数", "C"),
        ("B选项", "B"),
        ("选B吧", "B"),
        ("选项B是正确的", "B"),
        ("答案B是对的", "B"),
        ("正确答案是B个股", "B"),
        ("答案是C因为A股在涨", "C"),
        ("选A还是B好", None),
        ("选A股", None),
        ("我选基金，ETF选项", None),
        ("这是A股的问题，选C", "C"),
        ("个股问询", None),
        ("F", None),
        ("f", None),
        ("", None),
    ],
)
def test_greedy_takes_the_one_letter_that_is_named(text: str, letter: str | None):
    assert greedy(text, LETTERS) == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B个股问询", "B"),
        ("B-个股问询", "B"),
        ("意图是C大盘问询，不是A股", "C"),
        ("A行业板块问询B个股问询", None),
        ("A股", None),
        ("A个股问询", None),  # another option's name
        ("ETF基金问询", "E"),  # by its text, as no letter is named
    ],
)
def test_greedy_with_names_takes_a_letter_glued_to_its_own_option(text: str, letter: str | None):
    assert greedy(text, LETTERS, NAMES) == letter


def test_a_latin_name_is_not_spelled_from_the_letter_on():
    assert greedy("Account", ["A", "B"], {"A": "ccount", "B": "Billing"}) is None
    assert greedy("B-Billing", ["A", "B"], {"A": "Account", "B": "Billing"}) == "B"


# Options of which three hold a letter in their text.
ENGLISH = {
    "A": "Billing", "B": "Shipping", "C": "Account", "D": "Vitamin C", "E": "Plan B", "F": "Hepatitis A", "G": "Other",
    "H": "A loan", "I": "I am lost",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("A customer asks about a parcel, so B.", "B"),
        ("I think the answer is B", "B"),
        ("I would choose option B since it is about a parcel", "B"),
        ("B. A customer wants a parcel.", "B"),
        ("B: I would say so", "B"),
        ("B\nA customer asks", "B"),
        ("C\n\nExplanation: A user", "C"),
        ("B\nC", None),
        ("B\n\nA. Billing\nB. Shipping", "B"),
        ("A is correct", "A"),
        ("Option A fits", "A"),
        ("Option I seems right", "I"),
        ("A or B", None),
        ("A and B", None),
        ("A/B", None),
        ("A y B", None),
        ("A: I would say B", None),
        ("I", "I"),
        ("I.", "I"),
        ("Vitamin C", "D"),
        ("D. Vitamin C", "D"),
        ("The topic is Plan B.", "E"),
        ("Hepatitis A", "F"),
        ("A loan", "H"),
        ("I am lost", "I"),
        ("Billing", "A"),
        ("Shipping and Billing", None),
        ("b. Shipping", "B"),
        ("(b) Shipping", "B"),
        ("The correct answer is b.", "B"),
        ("answer is a question", None),
        ("i think b", None),
        ("A mi juicio es B", "B"),
        ("E a resposta é B", "B"),
        ("La réponse est B.", "B"),
        ("Antwort: b", "B"),
        ("正解はBです", "B"),
        ("답은 B입니다", "B"),
        ("คำตอบคือ B", "B"),
        ("Ответ: B", "B"),
        ("Ⓑ", "B"),
        ("𝐁", "B"),
        ("\ufeffB\x00", "B"),
        ("Б", None),  # Cyrillic
    ],
)
def test_words_of_one_letter_are_no_answers_in_any_language(text: str, letter: str | None):
    assert greedy(text, list(ENGLISH), ENGLISH) == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("not B", None),
        ("Not **B**.", None),
        ("It isn't option B", None),
        ("It can't be A, so B.", "B"),
        ("not B but A", "A"),
        ("A, not B", "A"),
        ("Not A. B", "B"),
        ("not sure, B", "B"),
        ("No, B", "B"),
        ("not A or B", None),
        ("neither A nor B, so C", "C"),
        ("everything except B", None),
        ("Rather than A, B", "B"),
        ("B is wrong, C", "C"),
        ("B is not correct", None),
        ("B is not only right", "B"),
        ("不是B", None),
        ("答案不是（Ｂ）", None),
        ("不是B，是A", "A"),
        ("选B，不选A", "B"),
        ("不选A选B", "B"),
        ("除了B", None),
        ("除了B都对", None),
        ("除A、B外，选C", "C"),
        ("排除A和B，选C", "C"),
        ("A不对，选C", "C"),
        ("B以外", None),
        ("不是A就是B", None),  # "either A or B"
        ("不是B. 个股问询，是A. 行业板块问询", "A"),
        ("nicht B, sondern A", "A"),
        ("BではなくA", "A"),
        ("B가 아니라 A", "A"),
    ],
)
def test_a_letter_that_is_negated_or_excluded_is_not_named(text: str, letter: str | None):
    assert greedy(text, LETTERS) == letter
    assert greedy(text, LETTERS, NAMES) == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("not Shipping", None),
        ("Shipping is wrong", None),
        ("除了Shipping", None),
        ("Not B. Shipping", None),
        ("It is about shipping, not other things", "B"),
        ("Everything but fees", "D"),  # an option's own text excludes nothing
        ("not everything except fees", None),
        ("Everything except fees", "E"),
    ],
)
def test_a_text_that_is_negated_or_excluded_is_not_named(text: str, letter: str | None):
    names = {"A": "Billing", "B": "Shipping", "C": "Fees", "D": "Everything but fees", "E": "Everything except fees"}
    assert greedy_label(text, list(names), names) == letter
    assert greedy(text, list(names), names) == letter


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>A or C</think>B", "B"),
        ("<think>\nA</think> B </think>C", "C"),
        ("<think></think>D", "D"),
        ("A or B.</think>E", "E"),
        ("<thinking>A</thinking>B", "B"),
        ("[THINK]A[/THINK]B", "B"),
        ("◁think▷A◁/think▷B", "B"),
        ("<think>\nA", ""),
        ("<think>A</think>B <think>C", ""),
        ("B", "B"),
        ("I think B", "I think B"),
    ],
)
def test_what_is_thought_is_no_answer(text: str, rest: str):
    assert answer_text(text) == rest
    for scorer in TEXT_SCORERS.values():
        assert scorer(text, LETTERS, NAMES) == scorer(rest, LETTERS, NAMES)
    assert greedy_label(f"<think>{text}</think>个股问询", LETTERS, NAMES) == "B"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("个股问询", "B"),
        ("个股问询。", "B"),
        (" 个股 问询\n", "B"),
        ("B. 个股问询", "B"),
        ("A. 个股问询", "B"),  # the text counts, whatever stands before it
        ("意图类型：个股问询", "B"),
        ("这句话的意图是个股问询，请参考。", "B"),
        ("个股问询，个股问询", "B"),
        ("个股问询 基金问询", None),
        ("个股", None),
        ("股问询", None),
        ("B", None),
        (ECHO, None),
        ("", None),
    ],
)
def test_greedy_label_takes_the_one_option_whose_text_is_named(text: str, letter: str | None):
    assert greedy_label(text, LETTERS, NAMES) == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Card payment", "1"),
        ("ｃａｒｄ＿ｐａｙｍｅｎｔ", "1"),
        ("It is: card-payment.", "1"),
        ("card payment fee", "2"),
        ("card payment fee, card payment", None),
        ("card payments", None),
        ("discard payment", None),
        ("cardpayment", None),
        ("ETF基金", "3"),
        ("ETF 基金", "3"),
        ("etf基金怎么买", "3"),
        ("基金", "4"),
        ("ETF基金不是基金", None),
        ("twice", None),
    ],
)
def test_greedy_label_compares_words_and_takes_the_longer_of_two_texts(text: str, letter: str | None):
    names = {
        "1": "Card payment", "2": "Card payment fee", "3": "ETF基金", "4": "基金", "5": "twice", "6": "Twice!",
        "7": "?",
    }  # fmt: skip
    assert greedy_label(text, list(names), names) == letter


def test_greedy_label_names_nothing_where_no_option_has_words():
    assert greedy_label("why?", LETTERS, {"A": "!", "B": "?"}) is None
    assert greedy_label("why?", LETTERS) is None


@given(names=st.lists(st.text(), min_size=2, max_size=5, unique_by=lambda name: _words(name)))
def test_every_option_that_has_words_is_named_by_its_own_text(names: list[str]):
    options = dict(zip(LETTERS, names, strict=False))
    for letter, name in options.items():
        assert greedy_label(name, LETTERS, options) == (letter if _words(name) else None)


@pytest.mark.parametrize(
    ("text", "letter"),
    [("A. ETF", "F"), ("B 或 D。", "D"), ("Ｂ", "Ｂ"), ("选b", None), ("", None), ("B, says É", "É")],
)
def test_opencompass_takes_the_last_capital_whatever_it_is(text: str, letter: str | None):
    assert opencompass(text, LETTERS) == letter


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("选项E：基金问询", "E"),
        ("B", "B"),
        ("A. x B. y", "AB"),
        ("B B", "BB"),
        ("A股ETF", "AE"),
        ("F", None),
        ("Ｂ", None),
        ("", None),
    ],
)
def test_original_joins_all_letters(text: str, joined: str | None):
    assert original(text, LETTERS) == joined


def test_original_knows_only_the_letters_of_the_task():
    assert original("B. ETF", ["A", "B", "C"]) == "B"
    assert original("G", list("ABCDEFG")) == "G"
