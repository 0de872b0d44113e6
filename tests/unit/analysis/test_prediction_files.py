"""Sets of predictions from anywhere, compared."""

import json
import re
from pathlib import Path

import pytest

from finintent.analysis.prediction_files import EXAMPLE, as_text, compare_sets, format_text, set_names
from finintent.analysis.statistics import mcnemar_exact, wilson
from finintent.errors import ConfigError, DataError
from finintent.task.prediction import Prediction, read_predictions
from finintent.task.taxonomy import Taxonomy

LABELS = [{"code": code, "name": code.title(), "definition": code} for code in ("yes", "no")]
TAXONOMY = Taxonomy(version=1, language="en", title="Votes", labels=LABELS)


def row(number: int, answer: str, gold: str = "yes", **changes: object) -> dict:
    scores = {code: -0.1 if code == answer else -2.0 for code in TAXONOMY.codes}
    return {
        "id": str(number), "question": "q", "gold": gold, "hard": False, "options": {"A": "yes", "B": "no"},
        "log_probabilities": scores, "text": "A" if answer == "yes" else "B",
    } | changes  # fmt: skip


def write(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def votes(path: Path, wrong: set[int], count: int = 20) -> Path:
    return write(path, [row(number, "no" if number in wrong else "yes") for number in range(count)])


def test_the_numbers_are_those_of_the_workflow(tmp_path: Path):
    base = votes(tmp_path / "m/base/evaluation.jsonl", set(range(12)))
    tuned = votes(tmp_path / "m/20-rows/seed-1/evaluation.jsonl", {11, 12})
    found = compare_sets([base, tuned], TAXONOMY, "loglikelihood", seed=1)
    assert [(row["name"], row["correct"]) for row in found["sets"]] == [("base", 8), ("20-rows/seed-1", 18)]
    assert (found["sets"][1]["accuracy_low"], found["sets"][1]["accuracy_high"]) == wilson(18, 20)
    (pair,) = found["pairs"]
    test = mcnemar_exact([number >= 12 for number in range(20)], [number not in (11, 12) for number in range(20)])
    assert (pair["fixed"], pair["broken"], pair["p_value"]) == (11, 1, test.p_value)
    assert pair["difference"] == pytest.approx(0.5)
    assert pair["verdict"].startswith("20-rows/seed-1 is 50.0 points better than base")
    assert pair["verdict"] + "." in as_text(found)
    assert "90.0 %" in as_text(found)


def test_several_pairs_are_adjusted_and_rows_are_joined_by_id(tmp_path: Path):
    first, second = votes(tmp_path / "a.jsonl", {1, 2, 3, 4, 5, 6}), votes(tmp_path / "b.jsonl", set())
    lines = first.read_text().splitlines()[::-1]
    third = tmp_path / "c.jsonl"
    third.write_text("\n".join(lines))
    pairs = compare_sets([first, second, third], TAXONOMY, "greedy", seed=1)["pairs"]
    assert [(row["first"], row["second"]) for row in pairs] == [
        ("a.jsonl", "b.jsonl"), ("a.jsonl", "c.jsonl"), ("b.jsonl", "c.jsonl"),
    ]  # fmt: skip
    assert (pairs[0]["p_value"], pairs[0]["p_holm"]) == (0.03125, 0.09375)
    assert (pairs[1]["fixed"], pairs[1]["broken"], pairs[1]["kappa"]) == (0, 0, 1.0)
    assert "not distinguishable" in pairs[0]["verdict"]


def test_a_model_without_probabilities_is_compared_by_its_text(tmp_path: Path):
    texts = write(tmp_path / "claude.jsonl", [row(number, "yes", log_probabilities=None) for number in range(20)])
    found = compare_sets([votes(tmp_path / "b.jsonl", {0}), texts], TAXONOMY, "loglikelihood", seed=1)
    assert [row["correct"] for row in found["sets"]] == [19, 20]
    assert [row["scorer"] for row in found["sets"]] == ["loglikelihood", "greedy"]
    assert re.findall(r"of 20 +0  (\w+)$", as_text(found), re.MULTILINE) == ["loglikelihood", "greedy"]


def test_the_result_is_json_even_where_nothing_is_significant(tmp_path: Path):
    found = compare_sets(
        [votes(tmp_path / name, {number}) for number, name in enumerate("ab")], TAXONOMY, "greedy", seed=1
    )
    assert json.loads(json.dumps(found))["pairs"][0]["distinguishable"] is False


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gold": "maybe"}, "line 2: gold is 'maybe', expected one of yes, no"),
        ({"options": {"A": "yes", "B": "maybe"}}, "line 2: options is .*expected each of the labels yes, no"),
        ({"log_probabilities": {"yes": -1.0}}, "line 2: log_probabilities is"),
        ({"log_probabilities": None, "text": None}, "line 2: neither log_probabilities nor text"),
        ({"id": "0"}, "line 2: id '0' occurs twice"),
        ({"text": 3}, "line 2: text: .*found 3"),
    ],
)
def test_a_row_that_is_no_prediction_is_named(tmp_path: Path, changed: dict, message: str):
    path = write(tmp_path / "a.jsonl", [row(0, "yes"), row(1, "yes", **changed)])
    with pytest.raises(DataError, match=message):
        read_predictions(path, TAXONOMY.codes)


def test_files_must_hold_the_same_questions(tmp_path: Path):
    first = votes(tmp_path / "a.jsonl", {1})
    with pytest.raises(DataError, match="answer different questions"):
        compare_sets([first, votes(tmp_path / "b.jsonl", {1}, count=19)], TAXONOMY, "greedy", seed=1)
    other = write(tmp_path / "c.jsonl", [row(number, "yes", gold="no") for number in range(20)])
    with pytest.raises(DataError, match=r"c.jsonl and a.jsonl have different gold labels of question '0'"):
        compare_sets([first, other], TAXONOMY, "greedy", seed=1)
    with pytest.raises(DataError, match="no predictions"):
        compare_sets([first, write(tmp_path / "d.jsonl", [])], TAXONOMY, "greedy", seed=1)


def test_names_are_what_tells_the_files_apart():
    assert set_names([Path("x/m/base/evaluation.jsonl"), Path("x/n/base/evaluation.jsonl")]) == ["m", "n"]
    assert set_names([Path("x/a.jsonl"), Path("y/b.jsonl")]) == ["x/a.jsonl", "y/b.jsonl"]
    for paths in ([Path("a")], [Path("a"), Path("b"), Path("a")]):
        with pytest.raises(ConfigError, match="two or more different files"):
            set_names(paths)


def test_an_unknown_scorer_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="choose one of loglikelihood, greedy"):
        compare_sets([tmp_path / "a", tmp_path / "b"], TAXONOMY, "exact", seed=1)


def test_the_format_is_told_with_an_example_that_can_be_compared(tmp_path: Path):
    text = format_text()
    schema = json.loads(text.partition("a line:\n")[2].partition("\n\nExample")[0])
    assert {*schema["properties"]} == {*Prediction.model_fields}
    assert schema["required"] == ["id", "gold", "options", "log_probabilities", "text"]
    shown = [json.loads(line) for line in text.splitlines()[-2:]]
    assert shown == [*EXAMPLE]
    found = compare_sets([write(tmp_path / name, shown) for name in "ab"], TAXONOMY, "loglikelihood", seed=1)
    assert [row["correct"] for row in found["sets"]] == [2, 2]


def test_what_makes_a_comparison_doubtful_is_told(tmp_path: Path, caplog):
    first = write(tmp_path / "a.jsonl", [row(number, "yes", question="where is it") for number in range(5)])
    other = [row(number, "yes", question="something else") | {"answer": "label"} for number in range(5)]
    compare_sets([first, write(tmp_path / "b.jsonl", other)], TAXONOMY, "greedy", seed=1)
    assert "b.jsonl and a.jsonl have other texts of question '0'" in caplog.text
    assert "b.jsonl: greedy reads a label in no answer; check `answer`" in caplog.text


def test_a_file_is_not_compared_with_a_link_to_it(tmp_path: Path):
    first = votes(tmp_path / "a.jsonl", {1})
    (tmp_path / "b.jsonl").symlink_to(first)
    with pytest.raises(ConfigError, match="two or more different files"):
        compare_sets([first, tmp_path / "b.jsonl"], TAXONOMY, "greedy", seed=1)


def test_ties_are_counted_and_wrong(tmp_path: Path):
    tied = [row(number, "yes", log_probabilities={"yes": -0.7, "no": -0.7}) for number in range(3)]
    rest = [row(number, "yes") for number in range(3, 20)]
    paths = [votes(tmp_path / "a.jsonl", set()), write(tmp_path / "b.jsonl", tied + rest)]
    found = compare_sets(paths, TAXONOMY, "loglikelihood", seed=1)
    assert [(row["correct"], row["ties"]) for row in found["sets"]] == [(20, 0), (17, 3)]
    assert re.findall(r"of 20 +(\d+)  loglikelihood$", as_text(found), re.MULTILINE) == ["0", "3"]
    assert [row["ties"] for row in compare_sets(paths, TAXONOMY, "greedy", seed=1)["sets"]] == [0, 0]
