import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from finintent.analysis.extraction import TEXT_SCORERS, _words, greedy, greedy_label, opencompass, original
from finintent.analysis.output_files import Output, score, score_file
from finintent.errors import ConfigError, DataError

LETTERS = list("ABCDE")
NAMES = {"A": "行业板块问询", "B": "个股问询", "C": "大盘问询", "D": "客服问询", "E": "基金问询"}
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
        ("ETF基金问询", None),
    ],
)
def test_greedy_with_names_takes_a_letter_glued_to_its_own_option(text: str, letter: str | None):
    assert greedy(text, LETTERS, NAMES) == letter


def test_a_latin_name_is_not_spelled_from_the_letter_on():
    assert greedy("Account", ["A", "B"], {"A": "ccount", "B": "Billing"}) is None
    assert greedy("B-Billing", ["A", "B"], {"A": "Account", "B": "Billing"}) == "B"


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


@pytest.mark.parametrize("letters", [list("AB"), list("ABCDe"), list("A,B,C,D,E")])
def test_letters_that_are_none_are_refused(tmp_path, letters: list[str]):
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps([{"gold": "E", "text": "E"}]))
    with pytest.raises(DataError, match="is not an option letter, or not one of"):
        score_file(path, letters=letters)


OUTPUTS = [
    Output("A", "A"), Output("B. 个股问询", "B"), Output("C（ETF）", "C"), Output("B", "A"), Output("A或E", "E"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("scorer", "correct", "parsed"), [("greedy", 3, 0.8), ("opencompass", 3, 0.8), ("original", 2, 0.6)]
)
def test_one_set_of_outputs_scores_differently(scorer: str, correct: int, parsed: float):
    assert score(OUTPUTS, scorer, LETTERS) == {
        "questions": 5,
        "correct": correct,
        "accuracy": correct / 5,
        "parsed": parsed,
    }


GLUED = {"id": "7", "gold": "A", "text": "A行业板块问询"}


def test_options_of_the_file_are_read_as_the_workflow_reads_them(tmp_path):
    table = score_file(write(tmp_path, "outputs.json", [GLUED | NAMES]), "greedy")
    assert table["correct"].tolist() == [1]


@pytest.mark.parametrize("keys", [("id", "text", "gold"), ("text", "gold")])  # joined by id, or by their order
def test_options_come_from_the_questions(tmp_path, keys: tuple[str, ...]):
    outputs = write(tmp_path, "outputs.jsonl", [{key: GLUED[key] for key in keys}])
    questions = write(tmp_path, "questions.json", [NAMES | {"id": "7", "question": "q", "answer": "A"}])
    assert score_file(outputs, "greedy", questions=questions)["correct"].tolist() == [1]


def test_without_the_options_texts_a_warning_tells_what_is_not_parsed(tmp_path, caplog):
    table = score_file(write(tmp_path, "outputs.jsonl", [GLUED]), "greedy", letters=LETTERS)
    assert table["parsed"].tolist() == [0]
    assert "does not hold the texts of the options" in caplog.text


def test_questions_of_other_outputs_are_refused(tmp_path):
    outputs = write(tmp_path, "outputs.jsonl", [GLUED])
    with pytest.raises(DataError, match="id '7' is not in"):
        score_file(outputs, questions=write(tmp_path, "other.json", [NAMES | {"id": "8"}]))
    with pytest.raises(DataError, match=r"1 outputs, but .* holds 2 questions"):
        score_file(outputs, questions=write(tmp_path, "two.json", [NAMES, NAMES]))


def test_scoring_nothing_or_by_an_unknown_name_is_refused():
    with pytest.raises(DataError, match="no answers"):
        score([], "greedy", LETTERS)
    with pytest.raises(ConfigError, match="'last' is unknown; choose one of greedy, opencompass, original"):
        score(OUTPUTS, "last", LETTERS)


def write(tmp_path, name: str, rows: list[dict]):
    path = tmp_path / name
    if name.endswith(".csv"):
        lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
        path.write_text("\ufeff" + "\n".join(lines))
    elif name.endswith(("lines.json", ".jsonl")):
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    else:
        path.write_text(json.dumps(rows, indent=1))
    return path


@pytest.mark.parametrize("name", ["outputs.json", "outputs.jsonl", "outputs.csv", "lines.json"])
@pytest.mark.parametrize(
    ("text", "gold"), [("text", "gold"), ("predict", "label"), ("generated_text", "ground_truth"), ("output", "answer")]
)
def test_any_file_of_raw_outputs_is_scored(tmp_path, name: str, text: str, gold: str):
    rows = [{"id": str(index), gold: row.gold, text: row.text} for index, row in enumerate(OUTPUTS)]
    table = score_file(write(tmp_path, name, rows))
    assert table["scorer"].tolist() == list(TEXT_SCORERS)
    assert table["correct"].tolist() == [3, 3, 2]
    assert table["parsed"].tolist() == [0.8, 0.8, 0.6]
    bounds = table.loc[2, ["accuracy_low", "accuracy_high"]].tolist()
    assert bounds == pytest.approx(proportion_confint(2, 5, method="wilson"), abs=1e-12)


def test_columns_letters_and_scorer_can_be_given(tmp_path):
    rows = [
        {"text": "A", "gold": "A", "said": "B", "right": "B"},
        {"text": "A", "gold": "A", "said": "C", "right": "B"},
    ]
    path = write(tmp_path, "outputs.json", rows)
    table = score_file(path, "original", text="said", gold="right")
    assert table[["scorer", "correct", "parsed"]].to_dict("records") == [
        {"scorer": "original", "correct": 1, "parsed": 0.5}  # C is no option when B is the last gold letter
    ]
    assert score_file(path, "original", text="said", gold="right", letters=["A", "B", "C"])["parsed"].tolist() == [1]


@pytest.mark.parametrize("gold", ["B", "B.", "B. 个股问询", "（B）个股问询", "Ｂ", "b", "**B** Billing"])
def test_gold_is_the_leading_letter(tmp_path, gold: str):
    assert score_file(write(tmp_path, "a.json", [{"gold": gold, "text": "B"}]))["correct"].tolist() == [1, 1, 1]


def test_missing_and_odd_looking_outputs_are_no_answer(tmp_path):
    table = score_file(write(tmp_path, "a.json", [{"gold": "B", "text": None}, {"gold": "A", "text": "A"}]))
    assert table["parsed"].tolist() == [0.5] * 3
    table = score_file(write(tmp_path, "a.csv", [{"gold": "A", "text": "NA"}, {"gold": "A", "text": ""}]))
    assert table["parsed"].tolist() == [0, 0.5, 0.5]  # "NA" is text, not a missing value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "a.json: expected a non-empty list"),
        ("[1]", "a.json: expected a non-empty list"),
        ("x", "a.json, line 1: not JSON"),
        ('[{"id": 1, "gold": "A"}]', "a.json: no column of raw outputs; found id, gold, expected text or output"),
        ('[{"id": 1, "text": "A"}]', "a.json: no column of gold letters; found id, text, expected gold or answer"),
        ('[{"text": "A", "gold": "A"}, {"gold": "A"}]', "no column of raw outputs; found gold,"),
        ('[{"text": "A", "gold": "stock"}]', "a.json, row 1: gold is 'stock', expected an option letter"),
        ('[{"text": "A", "gold": "Apple"}]', "gold is 'Apple', expected an option letter"),
        ('[{"text": ["A"], "gold": "A"}]', r"a.json, row 1: text is \['A'\], expected the raw output as one string"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content: str, message: str):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        score_file(path)


@pytest.mark.parametrize("content", ["", 'gold,text\n"A,A\n', "gold,text\nA,A,A\nA,A,A,A\n"])
def test_a_broken_csv_is_refused(tmp_path, content: str):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=r"a\.csv: not CSV"):
        score_file(path)
