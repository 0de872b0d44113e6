import copy
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from finintent.figures import plot_data_quality
from finintent.quality import measure

QUERIES = ["refund please", "cancel my plan", "where is my parcel", "the parcel is late", "password lost"]
LABELS = ["billing", "billing", "shipping", "shipping", "account"]


@pytest.fixture
def quality() -> dict:
    rows = [
        {"id": str(number), "query": query, "label": label, "persona": "terse"}
        for number, (query, label) in enumerate(zip(QUERIES, LABELS, strict=True))
    ]
    return measure(rows, [], ["is my parcel lost", "pay by card"], sorted(set(LABELS)), ["terse"])


def drawn(quality: dict, tmp_path: Path, threshold: float = 62.5) -> str:
    path = tmp_path / "quality.svg"
    plot_data_quality(quality, path, title="support_topics", threshold=threshold)
    assert not plt.get_fignums()
    return path.read_text()


def test_data_quality_names_its_panels_its_units_and_the_threshold(quality: dict, tmp_path: Path):
    texts = re.findall(r"<text [^>]*>([^<]+)</text>", drawn(quality, tmp_path))
    assert {"support_topics", "Query length", "Nearest evaluation question", "Nearest other row"} <= set(texts)
    assert {"decontamination threshold: 62.5", "rows", "characters (median 14)"} <= set(texts)
    assert sum(text.startswith("likeness, % (median") for text in texts) == 2


@pytest.mark.parametrize("key", ["length", "nearest_evaluation", "nearest_neighbour"])
def test_data_quality_draws_every_histogram(quality: dict, tmp_path: Path, key: str):
    first, again = drawn(quality, tmp_path), drawn(copy.deepcopy(quality), tmp_path)
    quality[key]["histogram"]["counts"].reverse()
    quality[key]["histogram"]["counts"][0] += 1
    other = drawn(quality, tmp_path)
    assert len({first, again}) == 1  # a difference of two such texts takes pytest minutes to show
    assert len({first, other}) == 2


@pytest.mark.parametrize("key", ["nearest_evaluation", "nearest_neighbour"])
def test_data_quality_draws_likeness_on_one_scale_that_cuts_nothing_off(
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
