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
)

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
        ("m tuned", "m", "tuned", 100, 0.60, 0.55, 0.65),
        ("m tuned", "m", "tuned", 1000, 0.80, 0.75, 0.85),
        ("linear", "linear", "baseline", 1000, 0.801, 0.75, 0.85),
    ],
    columns=["name", "model", "variant", "rows", "mean", "low", "high"],
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
    assert set(heights) == {"m tuned", "linear"}
    assert heights["linear"] - heights["m tuned"] >= (high - low) / 15 - 1e-9  # ends at 80.0 and 80.1 %
    plt.close()
    assert {"100", "1,000", "m tuned", "linear"} <= set(texts_of(path))


def test_one_size_is_drawn_as_points(tmp_path: Path):
    path = tmp_path / "curve.svg"
    plot_learning_curve(CURVE[CURVE["rows"] == 1000], path, title="t")
    assert {"1,000", "m tuned", "linear"} <= set(texts_of(path))
    assert "100" not in texts_of(path)


def test_calibration_shows_scaling_where_there_is_a_temperature(tmp_path: Path):
    bars = [{"low": 0.8, "high": 0.9, "count": 4, "confidence": 0.85, "accuracy": 0.75}]
    plain = {"reliability": bars, "ece": 0.1, "temperature": None, "scaled": None}
    scaled = plain | {"temperature": 1.5, "scaled": {"reliability": bars, "ece": 0.04}}
    path = tmp_path / "calibration.svg"
    plot_calibration({"base": plain, "tuned": scaled}, path, title="t")
    assert {"ECE 0.100", "ECE 0.100, 0.040 scaled, T = 1.50", "after temperature scaling"} <= set(texts_of(path))
    plot_calibration({"base": plain}, path, title="t")
    assert "after temperature scaling" not in texts_of(path)


def test_answers_that_name_no_label_are_drawn_where_there_are_some(tmp_path: Path):
    path = tmp_path / "confusion.svg"
    plot_confusion({"zero-shot": [[3, 0, 1], [0, 2, 0]]}, ["a", "b"], path, title="t")
    assert "unparsable" in texts_of(path)
    plot_confusion({"tuned": [[3, 0, 0], [0, 2, 0]]}, ["a", "b"], path, title="t")
    assert "unparsable" not in texts_of(path)


def test_every_variant_has_a_bar(tmp_path: Path):
    variants = ["base", "few_shot", "tuned", "baseline", "zero_shot"]
    table = pd.DataFrame(
        {
            "name": ["m base", "m few-shot", "m tuned", "m", "m zero-shot"],
            "model": "m",
            "variant": variants,
            "accuracy": 0.5,
            "accuracy_low": 0.4,
            "accuracy_high": 0.6,
            "questions": 9,
        }
    )
    plot_accuracy(table, tmp_path / "accuracy.svg", title="t")
    assert {"base", "few-shot", "tuned", "zero-shot", "m"} <= set(texts_of(tmp_path / "accuracy.svg"))
