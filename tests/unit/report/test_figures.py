import copy
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from finintent.data.quality import measure
from finintent.report.figures import (
    plot_accuracy,
    plot_calibration,
    plot_confusion,
    plot_data_quality,
    plot_learning_curve,
    plot_training,
)
from finintent.task.system import LINEAR_BASELINE, MAJORITY_BASELINE, SYSTEM_COLUMNS, System

QUERIES = ["refund please", "cancel my plan", "where is my parcel", "the parcel is late", "password lost"]
LABELS = ["billing", "billing", "shipping", "shipping", "account"]


@pytest.fixture
def quality() -> dict:
    rows = [
        {
            "id": str(number),
            "query": query,
            "label": label,
            "persona": "terse",
            "nearest_question": 0,
            "question_similarity": 20.0 + 10 * number,
        }
        for number, (query, label) in enumerate(zip(QUERIES, LABELS, strict=True))
    ]
    return measure(rows, [], sorted(set(LABELS)), ["terse"])


def drawn(quality: dict, tmp_path: Path, threshold: float = 62.5) -> str:
    path = tmp_path / "quality.svg"
    plot_data_quality(quality, path, title="support_topics", threshold=threshold)
    assert not plt.get_fignums()
    return path.read_text()


def test_data_quality_names_its_panels_its_units_and_the_threshold(quality: dict, tmp_path: Path):
    texts = re.findall(r"<text [^>]*>([^<]+)</text>", drawn(quality, tmp_path))
    assert {"support_topics", "Query length", "Nearest evaluation question", "Nearest other row"} <= set(texts)
    assert {"decontamination threshold: 62.5", "rows", "characters (median 14)"} <= set(texts)
    assert sum(text.startswith("similarity, % (median") for text in texts) == 2


@pytest.mark.parametrize("key", ["length", "nearest_evaluation", "nearest_neighbour"])
def test_data_quality_draws_every_histogram(quality: dict, tmp_path: Path, key: str):
    first, again = drawn(quality, tmp_path), drawn(copy.deepcopy(quality), tmp_path)
    quality[key]["histogram"]["counts"].reverse()
    quality[key]["histogram"]["counts"][0] += 1
    other = drawn(quality, tmp_path)
    assert len({first, again}) == 1  # a difference of two such texts takes pytest minutes to show
    assert len({first, other}) == 2


@pytest.mark.parametrize("key", ["nearest_evaluation", "nearest_neighbour"])
def test_data_quality_draws_similarity_on_one_scale_that_cuts_nothing_off(
    quality: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
):
    quality[key]["histogram"]["counts"][-1] = 1000
    with monkeypatch.context() as patch:
        patch.setattr(plt, "close", lambda figure: None)
        plot_data_quality(quality, tmp_path / "quality.svg", title="t", threshold=50)
    _, *panels = plt.gcf().axes
    plt.close()
    (limits,) = {(*axes.get_xlim(), *axes.get_ylim()) for axes in panels}
    assert limits[1] > 100
    assert limits[3] > 1000
    assert [line.get_xdata() for axes in panels for line in axes.lines] == [[50, 50]]


def texts_of(path: Path) -> list[str]:
    assert not plt.get_fignums()
    return re.findall(r"<text [^>]*>([^<]+)</text>", path.read_text())


CURVE = pd.DataFrame(
    [
        ("m tuned (label)", "m", "tuned", "label", 100, 0.60, 0.55, 0.65),
        ("m tuned (label)", "m", "tuned", "label", 1000, 0.80, 0.75, 0.85),
        ("linear", "linear", "baseline", None, 1000, 0.801, 0.75, 0.85),
    ],
    columns=["series", "model", "variant", "recipe", "rows", "mean", "low", "high"],
)


def test_a_learning_curve_names_each_model_once_beside_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "curve.svg"
    with monkeypatch.context() as patch:
        patch.setattr(plt, "close", lambda figure: None)
        plot_learning_curve(CURVE, path, title="t")
    (axes,) = plt.gcf().axes
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    low, high = axes.get_ylim()
    assert axes.get_xscale() == "log"
    assert (low, high) > (0, 85)
    assert set(heights) == {"m tuned (label)", "linear"}
    assert heights["linear"] - heights["m tuned (label)"] >= (high - low) / 15 - 1e-9  # ends at 80.0 and 80.1 %
    plt.close()
    assert {"100", "1,000", "m tuned (label)", "linear"} <= set(texts_of(path))


def test_one_size_is_drawn_as_points(tmp_path: Path):
    path = tmp_path / "curve.svg"
    plot_learning_curve(CURVE[CURVE["rows"] == 1000], path, title="t")
    assert {"1,000", "m tuned (label)", "linear"} <= set(texts_of(path))
    assert "100" not in texts_of(path)


def bin_of(low: float, count: int) -> dict:
    return {"low": low, "high": low + 0.1, "count": count, "confidence": low + 0.05, "accuracy": 0.75}


def test_calibration_shows_scaling_where_there_is_a_temperature(tmp_path: Path):
    bars = [bin_of(0.8, 4)]
    plain = {"reliability": bars, "ece": 0.1, "temperature": None, "scaled": None}
    scaled = plain | {"temperature": 1.5, "scaled": {"reliability": bars, "ece": 0.04}}
    path = tmp_path / "calibration.svg"
    plot_calibration({"base": plain, "tuned": scaled}, path, title="t")
    assert {"ECE 0.100", "ECE 0.100, 0.040 scaled, T = 1.50", "after temperature scaling"} <= set(texts_of(path))
    plot_calibration({"base": plain}, path, title="t")
    assert "after temperature scaling" not in texts_of(path)


@pytest.mark.parametrize(("counts", "drawn"), [((2, 3, 90), [0.25, 0.85]), ((4, 5, 491), [0.25, 0.85])])
def test_the_line_of_a_calibration_leaves_out_nearly_empty_bins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: tuple[int, ...], drawn: list[float]
):
    bars = [bin_of(low, count) for low, count in zip((0.0, 0.2, 0.8), counts, strict=True)]
    with monkeypatch.context() as patch:
        patch.setattr(plt, "close", lambda figure: None)
        measured = {"reliability": bars, "ece": 0.1, "temperature": None, "scaled": None}
        plot_calibration({"base": measured}, tmp_path / "calibration.svg", title="t")
    (axes,) = plt.gcf().axes
    plt.close()
    assert list(axes.lines[-1].get_xdata()) == pytest.approx(drawn)
    assert len(axes.patches) == 3  # their shares are shown


def test_answers_that_name_no_label_are_drawn_where_there_are_some(tmp_path: Path):
    path = tmp_path / "confusion.svg"
    plot_confusion({"zero-shot": [[3, 0, 1], [0, 2, 0]]}, ["a", "b"], path, title="t")
    assert "no label" in texts_of(path)
    plot_confusion({"tuned": [[3, 0, 0], [0, 2, 0]]}, ["a", "b"], path, title="t")
    assert "no label" not in texts_of(path)


def test_a_loss_curve_has_a_panel_a_recipe(tmp_path: Path):
    record = {
        "training_loss": [{"epoch": 1, "loss": 0.5}], "validation_loss": [{"epoch": 1, "loss": 0.4}], "best_epoch": 1,
    }  # fmt: skip
    plot_training({"tuned (label, 9 rows)": record, "tuned (letter, 9 rows)": record}, tmp_path / "t.svg", title="m")
    assert {"m", "tuned (label, 9 rows)", "tuned (letter, 9 rows)", "kept"} <= set(texts_of(tmp_path / "t.svg"))


SYSTEMS = [
    System("m", "base"), System("m", "few_shot"), System("m", "tuned", "label", 90), System("m", "tuned", "label", 9),
    System("m", "tuned", "letter", 9), System("encoder", "tuned", None, 90),
    System(LINEAR_BASELINE, "baseline", rows=90), System(LINEAR_BASELINE, "baseline", rows=9),
    System(MAJORITY_BASELINE, "baseline", rows=90), System("claude", "zero_shot"),
]  # fmt: skip
RUNS = pd.DataFrame(
    [(*system.key, 9, 3, 0.5 + place / 100, 0.4, 0.63) for place, system in enumerate(SYSTEMS)],
    columns=[*SYSTEM_COLUMNS, "questions", "runs", "mean", "low", "high"],
)


def test_the_accuracy_of_every_system_is_in_one_panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "accuracy.svg"
    with monkeypatch.context() as patch:
        patch.setattr(plt, "close", lambda figure: None)
        plot_accuracy(RUNS, path, title="t")
    (axes,) = plt.gcf().axes
    (legend,) = plt.gcf().legends
    plt.close()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["m", "encoder", "claude"]
    assert [text.get_text() for text in legend.get_texts()] == [
        "untuned", "few-shot", "tuned (label, 90 rows)", "tuned (label, 9 rows)", "tuned (letter, 9 rows)",
        "tuned (90 rows)", "zero-shot",
    ]  # fmt: skip
    looks = {(bars[0].get_color(), bars[0].get_marker(), bars[0].get_fillstyle()) for bars in axes.containers}
    assert len(looks) == 7
    assert {"50.0", "59.0", "tfidf-logreg (90 rows): 56.0", "tfidf-logreg (9 rows): 57.0"} <= set(texts_of(path))
    assert "majority-class: 58.0" in texts_of(path)


def test_a_value_stands_where_no_line_crosses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(plt, "close", lambda figure: None)
        plot_accuracy(
            RUNS.assign(high=[0.52 if name == "m base" else 0.7 for name in RUNS["name"]]),
            tmp_path / "a.svg",
            title="t",
        )
    (axes,) = plt.gcf().axes
    plt.close()
    places = {text.get_text(): text.get_position()[0] for text in axes.texts}
    assert places["50.0"] < 40 < 70 < places["51.0"]  # the first of the lines is at 56
