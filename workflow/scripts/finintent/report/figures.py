"""Figures, in shades of grey that remain distinct in print."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator

from finintent.task.prediction import UNPARSABLE

GREYS = {"base": "0.80", "few_shot": "0.70", "baseline": "0.60", "tuned": "0.25", "zero_shot": "0.90"}
HATCHES = {"base": "//", "few_shot": "\\\\", "baseline": "..", "tuned": "", "zero_shot": "xx"}
# One for each curve: colours would be lost in print.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "finintent",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}


def _save(figure: plt.Figure, path: str | Path) -> None:
    figure.savefig(path, metadata={"Date": None} if Path(path).suffix == ".svg" else None)
    plt.close(figure)


def plot_accuracy(comparison: pd.DataFrame, path: str | Path, *, title: str) -> None:
    """Draw one bar a system with its 95 % Wilson interval; `comparison` has one row of the accuracy table a system."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 0.75 + 0.62 * len(comparison)))
        places = np.arange(len(comparison))[::-1]
        accuracy = comparison["accuracy"].to_numpy() * 100
        errors = [
            accuracy - comparison["accuracy_low"].to_numpy() * 100,
            comparison["accuracy_high"].to_numpy() * 100 - accuracy,
        ]
        for place, value, variant in zip(places, accuracy, comparison["variant"], strict=True):
            axes.barh(place, value, height=0.66, color=GREYS[variant], hatch=HATCHES[variant], edgecolor="white")
        axes.errorbar(accuracy, places, xerr=errors, fmt="none", ecolor="black", elinewidth=1.2, capsize=3)
        for place, value, high in zip(places, accuracy, comparison["accuracy_high"] * 100, strict=True):
            axes.text(high + 1.5, place, f"{value:.1f}", va="center")
        names = zip(comparison["name"], comparison["model"], strict=True)
        axes.set_yticks(places, [name.replace(f"{model} ", f"{model}\n") for name, model in names])
        axes.set_xlim(0, 108)
        axes.set_xticks(range(0, 101, 20))
        axes.set_xlabel(f"Accuracy on {comparison['questions'].iloc[0]} questions, % (bars: 95 % Wilson interval)")
        axes.set_title(title, loc="left", fontweight="bold")
        _save(figure, path)


def plot_confusion(confusions: dict[str, list[list[int]]], codes: list[str], path: str | Path, *, title: str) -> None:
    """Draw one confusion matrix a variant, side by side; rows are gold labels, columns are predicted labels.

    Args:
        confusions: counts of shape (labels, labels + 1) by the variant's name. The last column counts answers that name
            no label; it is drawn if there are any.
        codes: the codes of the labels.
        path: the file to write.
        title: of the figure.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(confusions), figsize=(0.9 + len(confusions) * (0.55 * len(codes) + 0.8), 1.5 + 0.5 * len(codes)),
            squeeze=False,
        )  # fmt: skip
        for axes, (variant, counts) in zip(panels[0], confusions.items(), strict=True):
            matrix = np.array(counts)
            columns = [*codes, UNPARSABLE] if matrix[:, -1].any() else codes
            matrix = matrix[:, : len(columns)]
            share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
            axes.imshow(share, cmap="Greys", vmin=0, vmax=1.15)
            for (row, column), count in np.ndenumerate(matrix):
                if count:
                    shade = "white" if share[row, column] > 0.55 else "black"
                    axes.text(column, row, count, ha="center", va="center", color=shade)
            axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
            axes.set_yticks(range(len(codes)), codes)
            axes.set_xlabel("predicted")
            axes.set_title(variant)
            axes.spines[:].set_visible(False)
        panels[0, 0].set_ylabel("gold")
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        _save(figure, path)


def plot_learning_curve(curve: pd.DataFrame, path: str | Path, *, title: str) -> None:
    """Draw accuracy over the number of training rows (log scale), one curve a model with its name at the end.

    `curve` is the result of `seeds_and_sizes.learning_curve`; bars are 95 % intervals. A single size gives points
    without lines.
    """
    with plt.rc_context(STYLE):
        curves = [part for _, part in curve.groupby("name", sort=False)]
        sizes = sorted(curve["rows"].unique())
        figure, axes = plt.subplots(figsize=(7, 4))
        ends = []
        for place, part in enumerate(curves):
            # Shifted a little, so that the intervals of several models at one size do not hide each other.
            rows = part["rows"].to_numpy(dtype=float) * 1.025 ** (place - (len(curves) - 1) / 2)
            mean, low, high = (100 * part[key].to_numpy() for key in ("mean", "low", "high"))
            style = {"marker": MARKERS[place % len(MARKERS)], "linestyle": DASHES[place % len(DASHES)]}
            grey = "0.55" if part["variant"].iloc[0] == "baseline" else "black"
            axes.errorbar(
                rows,
                mean,
                yerr=[mean - low, high - mean],
                color=grey,
                linewidth=1.4,
                capsize=3,
                elinewidth=0.9,
                **style,
            )
            ends.append((mean[-1], part["name"].iloc[-1], grey, style["marker"]))
        axes.set_xscale("log")
        axes.set_xlim(sizes[0] / 1.2, sizes[-1] * 1.2)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        low, high = axes.get_ylim()
        axes.set_ylim(max(0, low - 2), min(100, high + 2))
        low, high = axes.get_ylim()
        ends.sort()
        heights = _apart([end[0] for end in ends], (high - low) / 15)
        beside = axes.get_yaxis_transform()  # x in widths of the axes
        for (_, name, grey, marker), height in zip(ends, heights, strict=True):
            axes.plot(1.03, height, marker=marker, color=grey, transform=beside, clip_on=False)
            axes.text(1.055, height, name, va="center", color=grey, transform=beside)
        axes.set_xlabel("training rows (log scale)")
        axes.set_ylabel("accuracy, %")
        axes.set_title(title, loc="left", fontweight="bold")
        _save(figure, path)


def _apart(heights: list[float], gap: float) -> list[float]:
    """Return ascending heights at least `gap` apart, around the same mean."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + gap) if moved else height)
    excess = np.mean(moved) - np.mean(heights)
    return [height - excess for height in moved]


def plot_training(record: dict[str, Any], path: str | Path, *, title: str) -> None:
    """Draw training and validation loss by epoch, and mark the epoch that was kept; `record` is a training.json."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 3.4))
        training, validation = (pd.DataFrame(record[name]) for name in ("training_loss", "validation_loss"))
        axes.plot(training["epoch"], training["loss"], color="0.55", linewidth=1.2, label="training")
        axes.plot(validation["epoch"], validation["loss"], color="black", linewidth=1.6, marker="o", label="validation")
        axes.axvline(record["best_epoch"], color="0.4", linestyle=":", linewidth=1.2, label="kept")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss per answer token, nats (log scale)")
        axes.set_title(title, loc="left", fontweight="bold")
        axes.legend(frameon=False)
        _save(figure, path)


def plot_data_quality(quality: dict[str, Any], path: str | Path, *, title: str, threshold: float) -> None:
    """Draw the lengths of the queries, and their similarity to the evaluation questions and to each other.

    `quality` is the result of `quality.measure`; `threshold` is the similarity (0-100) at which decontamination
    rejects a row.
    """
    with plt.rc_context(STYLE):
        figure, (length, evaluation, neighbour) = plt.subplots(1, 3, figsize=(10, 3.4))
        evaluation.sharex(neighbour)  # before drawing: later, the limits of one of them would be lost
        evaluation.sharey(neighbour)
        lengths = quality["length"]["histogram"]
        length.bar(lengths["characters"], lengths["counts"], width=0.85, color="0.6")
        length.set_title("Query length")
        length.set_xlabel(f"characters (median {quality['length']['median']:g})")
        length.set_xlim(left=0)
        length.set_ylabel("rows")
        end = threshold
        for axes, key, name in (
            (evaluation, "nearest_evaluation", "Nearest evaluation question"),
            (neighbour, "nearest_neighbour", "Nearest other row"),
        ):
            edges, counts = (np.array(quality[key]["histogram"][part]) for part in ("edges", "counts"))
            axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color="0.6", edgecolor="white")
            axes.set_title(name)
            axes.set_xlabel(f"similarity, % (median {quality[key]['p50']:.0f})")
            end = max(end, edges[1:][counts > 0].max())
        evaluation.axvline(threshold, color="black", linestyle=":", linewidth=1.2)
        evaluation.text(
            threshold + 1, 0.98, f"decontamination threshold: {threshold:g}", rotation=90, va="top", fontsize=9,
            transform=evaluation.get_xaxis_transform(),
        )  # fmt: skip
        neighbour.set_xlim(0, end + 8)  # room for the text beside the threshold
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        _save(figure, path)


def plot_calibration(calibrations: dict[str, dict[str, Any]], path: str | Path, *, title: str) -> None:
    """Draw one reliability diagram a variant: accuracy by confidence, with the share of questions in each bin.

    `calibrations` has the result of `metrics.calibrate` by the variant's name. If a temperature was fitted, a second
    line shows the same answers after temperature scaling.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(calibrations), figsize=(1.4 + 3.2 * len(calibrations), 3.9), sharey=True, squeeze=False
        )
        shown: dict[str, Any] = {}
        for axes, (variant, measured) in zip(panels[0], calibrations.items(), strict=True):
            bars = pd.DataFrame(measured["reliability"])
            share = bars["count"] / bars["count"].sum()
            axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1.2)
            axes.bar(bars["low"], share, width=bars["high"] - bars["low"], align="edge", color="0.90")
            lines = [("as it is", measured, {"color": "black", "marker": "o"})]
            if scaled := measured["scaled"]:
                style = {"color": "0.5", "marker": "s", "markerfacecolor": "white", "linestyle": "--"}
                lines.append(("after temperature scaling", scaled, style))
            for name, values, style in lines:
                points = pd.DataFrame(values["reliability"])
                (shown[name],) = axes.plot(points["confidence"], points["accuracy"], linewidth=1.4, **style)
            errors = [f"ECE {measured['ece']:.3f}"]
            if scaled:
                errors.append(f"{scaled['ece']:.3f} scaled, T = {measured['temperature']:.2f}")
            axes.set_title(f"{variant}\n{', '.join(errors)}", fontsize=10)
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1.02)
            axes.set_xlabel("confidence in the answer")
        panels[0, 0].set_ylabel("accuracy (lines), share (bars)")
        figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=len(shown), frameon=False)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        _save(figure, path)
