import json

import pytest
from statsmodels.stats.proportion import proportion_confint

from finintent.analysis.extraction import TEXT_SCORERS
from finintent.analysis.output_files import Output, score, score_file
from finintent.errors import ConfigError, DataError
from options import LETTERS, NAMES


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
    with pytest.raises(
        ConfigError, match="'last' is unknown for answers by letter; choose one of greedy, opencompass, original"
    ):
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
        ("[]", "a.json: no rows, expected at least one"),
        ("[1]", "a.json, item 1: found 1, expected an object"),
        ("x", "a.json, line 1: not JSON"),
        ('[{"id": 1, "gold": "A"}]', "a.json: no column of raw outputs; found id, gold, expected text or output"),
        ('[{"id": 1, "text": "A"}]', "a.json: no column of gold answers; found id, text, expected gold or answer"),
        ('[{"text": "A", "gold": "A"}, {"gold": "A"}]', "no column of raw outputs; found gold,"),
        ('[{"text": "A", "gold": "stock"}]', "a.json, item 1: gold is 'stock', expected an option letter"),
        ('[{"text": "A", "gold": "Apple"}]', "gold is 'Apple', expected an option letter"),
        ('[{"text": ["A"], "gold": "A"}]', r"a.json, item 1: text is \['A'\], expected the raw output as one string"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content: str, message: str):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        score_file(path)


def test_a_csv_that_shifts_its_columns_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("gold,text\nA,A\nB,B, no\n")
    with pytest.raises(DataError, match=r"a\.csv, row 3: 3 cells, but row 1 names 2 columns"):
        score_file(path)
    path.write_text("Gold, Text\nA,A,\nB,A,\n")  # nothing stands in the third column
    assert score_file(path, "greedy")["correct"].tolist() == [1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("opencompass.json", {"0": {"prediction": "A", "gold": "A"}, "1": {"prediction": "答案是B", "gold": "E"}}),
        ("wrapped.json", {"results": [{"output": "A", "answer": "A"}, {"output": "B", "answer": "A"}]}),
        ("ms-swift.jsonl", [{"response": "A", "labels": "A", "logprobs": None}, {"response": "B", "labels": "E"}]),
        ("thinking.json", [{"predict": "<think>B</think>A", "label": "<think>\n</think>\n\nA"},
                           {"predict": "<think>\nA", "label": "<think>\n</think>\n\nA"}]),
    ],
)  # fmt: skip
def test_files_of_other_tools_are_scored(tmp_path, name: str, content: list | dict):
    path = tmp_path / name
    lines = "\n".join(json.dumps(row) for row in content)
    path.write_text(lines if name.endswith("l") else json.dumps(content))
    assert score_file(path, "greedy")["correct"].tolist() == [1]


CARDS = {"A": "Cards", "B": "Card loans", "C": "Transfers"}
SAID = ["Cards", "It is about card loans.", "Cards or Transfers", "B"]


@pytest.mark.parametrize("golds", [["A", "B", "C", "B"], ["Cards", "card loans", "C. Transfers", "CARD LOANS"]])
def test_outputs_that_name_the_texts_of_options_are_scored_by_label(tmp_path, golds: list[str]):
    rows = [CARDS | {"gold": gold, "text": text} for gold, text in zip(golds, SAID, strict=True)]
    table = score_file(write(tmp_path, "outputs.json", rows), answer="label")
    assert table[["scorer", "correct", "parsed"]].values.tolist() == [["greedy", 2, 0.5]]


def test_texts_of_options_come_from_the_questions_or_are_missed(tmp_path):
    outputs = write(tmp_path, "outputs.jsonl", [{"id": "7", "gold": "Transfers", "text": "transfers"}])
    questions = write(tmp_path, "questions.json", [CARDS | {"id": "7", "question": "q", "answer": "C"}])
    assert score_file(outputs, questions=questions, answer="label")["correct"].tolist() == [1]
    with pytest.raises(DataError, match=r"outputs\.jsonl, line 1: no texts of the options.*--questions"):
        score_file(outputs, answer="label")


@pytest.mark.parametrize(
    ("gold", "arguments", "error", "message"),
    [
        ("Cash", {"answer": "label"}, DataError, r"gold is 'Cash', expected an option letter or the text of one opt"),
        ("Cards", {}, DataError, "gold is 'Cards', expected an option letter.*give --answer label if the outputs"),
        ("A", {"answer": "words"}, ConfigError, "answer 'words' is unknown; choose one of letter, label"),
        ("A", {"answer": "label", "scorer": "original"}, ConfigError, "'original' is unknown for answers by label; ch"),
    ],
)
def test_a_label_that_cannot_be_scored_is_told(tmp_path, gold: str, arguments: dict, error: type, message: str):
    path = write(tmp_path, "outputs.json", [CARDS | {"gold": gold, "text": "Cards"}])
    with pytest.raises(error, match=message):
        score_file(path, **arguments)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([CARDS | {"gold": "F", "text": "A"}], "item 1: gold is F, but the options are A, B, C"),
        ([CARDS | {"gold": "A", "text": "A", "B": "cards"}], "item 1: two options have the text 'Cards'"),
        (
            [{"text": "Where is B?", "prediction": "A", "gold": "A"}],
            "'text' and 'prediction' can both be raw out.*--text",
        ),
        ([{"text": "A", "gold": "A", "label": "B"}], "'gold' and 'label' can both be gold answers.*--gold"),
    ],
)
def test_outputs_that_can_be_read_in_two_ways_are_refused(tmp_path, rows: list[dict], message: str):
    with pytest.raises(DataError, match=message):
        score_file(write(tmp_path, "outputs.json", rows))


def test_columns_that_agree_and_options_in_small_letters_are_read(tmp_path):
    row = {letter.lower(): name for letter, name in CARDS.items()}
    row |= {"text": "Cards", "output": "Cards", "gold": "A", "answer": "A"}
    assert score_file(write(tmp_path, "outputs.json", [row]), "greedy")["correct"].tolist() == [1]


def test_one_column_is_not_both_output_and_gold_answer(tmp_path):
    path = write(tmp_path, "outputs.json", [{"text": "A", "gold": "B"}])
    with pytest.raises(DataError, match="'gold' is taken for both"):
        score_file(path, text="gold")


@pytest.mark.parametrize(("arguments", "error"), [({"letters": []}, DataError), ({"scorer": ""}, ConfigError)])
def test_an_empty_option_is_not_a_missing_one(tmp_path, arguments: dict, error: type):
    with pytest.raises(error):
        score_file(write(tmp_path, "outputs.json", [{"text": "A", "gold": "A"}]), **arguments)


def test_an_id_that_comes_twice_is_told_or_refused(tmp_path, caplog):
    rows = [{"id": "7", "text": "A", "gold": "A"}] * 2
    outputs = write(tmp_path, "outputs.json", rows)
    assert score_file(outputs, "greedy")["questions"].tolist() == [2]
    assert "item 2: the id '7' of an earlier row; both rows count" in caplog.text
    questions = write(tmp_path, "questions.json", [CARDS | {"id": "7"}, CARDS | {"id": "7"}])
    with pytest.raises(DataError, match=r"questions\.json, item 2: id '7' is that of .*item 1 too"):
        score_file(outputs, questions=questions)
