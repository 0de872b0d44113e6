"""A task of one's own from two files."""

from pathlib import Path

import pytest
import yaml

from finintent.config.curation import SeededCuration
from finintent.config.generation import OwnRows
from finintent.data.curation import curate
from finintent.data.new_task import as_text, new_task
from finintent.data.own_rows import own_candidates
from finintent.errors import ConfigError, DataError
from finintent.task.questions import read_questions
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction

ROWS = {
    "Card fee": ["annual price of gold plastic", "why was I charged for my visa", "is there a cost abroad"],
    "Lost card": ["somebody stole my wallet", "I dropped it in a taxi", "block everything now please"],
    "1. Loan": ["monthly rate for twenty thousand", "repay sooner", "do you finance used cars"],
}
QUESTIONS = {
    "Card fee": "what does platinum cost me",
    "Lost card": "my purse is gone",
    "1. Loan": "borrow money",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(rows: dict = ROWS, questions: dict = QUESTIONS, header: str = "query;label") -> tuple[Path, Path]:
    lines = [f"{query};{label}" for label, queries in rows.items() for query in queries]
    Path("rows.csv").write_text("\n".join([header, *lines]), encoding="utf-8-sig")
    lines = [f"{question};{label}" for label, question in questions.items()]
    Path("questions.csv").write_text("\n".join(["question;label", *lines]), encoding="utf-8")
    return Path("rows.csv"), Path("questions.csv")


def configuration(name: str) -> dict:
    return yaml.safe_load(Path(f"config/{name}.yaml").read_text(encoding="utf-8"))


def test_what_is_written_can_be_read_and_curated():
    task = new_task("bank", *write())
    taxonomy = read_taxonomy("resources/bank/taxonomy.yaml")
    assert taxonomy.names == {"card_fee": "Card fee", "lost_card": "Lost card", "loan": "1. Loan"}
    assert (taxonomy.language, task.questions, task.rejected) == ("en", 3, {})
    assert task.rows == dict.fromkeys(taxonomy.codes, (3, 3))
    block = configuration("bank")["datasets"]["bank"]
    assert block["generation"] == {"backend": "file", "file": {"path": "rows.csv"}}
    rows = own_candidates(
        OwnRows(**block["generation"]["file"]), taxonomy, read_instruction("resources/bank/prompts/instruction.yaml")
    )
    asked = [row["question"] for row in read_questions(block["evaluation"]["path"], taxonomy, "")]
    curated = curate(rows, taxonomy, None, asked, SeededCuration(**block["curation"], seed=1))
    assert (len(curated.train), len(curated.validation)) == (6, 3)
    assert "1. Loan" in as_text(task)
    assert configuration("bank")["baseline"] == {"min_ngram": 2, "max_ngram": 5}


def test_chinese_rows_get_a_chinese_wording_and_the_default_vocabulary():
    rows = {
        "个股问询": ["茅台明天怎么走", "宁德时代能买吗", "比亚迪跌了多少"],
        "基金问询": ["定投哪只好", "净值是多少", "赎回多久到账"],
    }
    new_task("intents", *write(rows, {"个股问询": "万科还会跌吗", "基金问询": "债基安全吗"}))
    taxonomy = read_taxonomy("resources/intents/taxonomy.yaml")
    assert (taxonomy.language, taxonomy.codes) == ("zh", ["label_1", "label_2"])
    assert "请仅回答" in Path("resources/intents/prompts/instruction.yaml").read_text(encoding="utf-8")
    assert configuration("intents").keys() == {"study", "datasets"}


def test_columns_of_other_names_are_found_and_the_language_may_be_given():
    new_task("bank", *write(header="Text;Intent"), language="de")
    assert configuration("bank")["datasets"]["bank"]["generation"]["file"] == {
        "path": "rows.csv", "query_column": "Text", "label_column": "Intent",
    }  # fmt: skip
    assert read_taxonomy("resources/bank/taxonomy.yaml").language == "de"


def test_the_questions_may_spell_a_label_another_way_if_it_is_clear_which():
    rows = {"card": ROWS["Card fee"], "loan": ROWS["1. Loan"]}
    new_task("bank", *write(rows, {"Cards": "what does it cost", "Loans": "borrow money"}))
    assert read_taxonomy("resources/bank/taxonomy.yaml").names == {"card": "Cards", "loan": "Loans"}


def test_letters_beyond_ascii_are_kept_in_the_models_vocabulary():
    rows = {"A": ["où est ma carte", "été à Paris", "perdue"], "B": ["un œuf dur", "crédit", "le prix"]}
    new_task("french", *write(rows, {"A": "ça va", "B": "hypothèque"}), language="fr")
    ranges = configuration("french")["models"]["gemma-3-270m"]["vocabulary"]["ranges"]
    assert ranges == [["2010", "2027"], ["0080", "00ff"], ["0100", "017f"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"header": "words;label"}, r"rows\.csv: no column query or text or .*, found words, label; name the column"),
        ({"header": "query;tag"}, r"rows\.csv: no column label or intent or .*, found query, tag"),
        ({"rows": ROWS | {"": ["x"]}}, r"rows\.csv, row 11: label is '', expected a label"),
        ({"rows": {"one": ["a b", "c d"]}}, r"rows\.csv: 1 different labels in 2 rows, in the column 'label'"),
        (
            {"rows": {str(n): [f"text {n}"] for n in range(9)}},
            "9 different labels in 9 rows.*is it the right",
        ),
        (
            {"rows": ROWS | {"Gift\u200e card": ["a present", "for my mother"]}},
            r"the task bank: labels\.\d\.name: found 'Gift\\u200e card', expected one line of text, without invisible",
        ),
        ({"questions": {"Mortgage": "house"}}, r"questions\.csv, row 2: the label 'Mortgage' is in no row \(Card fee"),
        (
            {"rows": ROWS | {"Cash": ["my purse is gone", "no"]}},
            "the label 'Cash' has 1 rows that can be.*1 rejected",
        ),
    ],
)
def test_files_that_make_no_study_are_explained_and_nothing_is_written(change: dict, message: str):
    with pytest.raises(DataError, match=message):
        new_task("bank", *write(**change))
    assert not Path("resources").exists()
    assert not Path("config").exists()


def test_nothing_is_overwritten():
    new_task("bank", *write())
    with pytest.raises(ConfigError, match="resources/bank exists and is not overwritten"):
        new_task("bank", *write())
    Path("config/other.yaml").touch()
    with pytest.raises(ConfigError, match=r"config/other\.yaml exists"):
        new_task("other", *write())


@pytest.mark.parametrize("name", ["", "Bank", "my-task", "../x", "7"])
def test_a_name_that_is_no_id_is_refused(name: str):
    with pytest.raises(ConfigError, match="is no id of a task"):
        new_task(name, *write())


def test_a_language_that_is_none_is_refused():
    with pytest.raises(DataError, match="language: found 'EN', expected a language code"):
        new_task("bank", *write(), language="EN")
