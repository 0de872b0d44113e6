"""Figures that survive grey print and colour blindness."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator

from finintent.task.chosen import NO_LABEL
from finintent.task.system import MAJORITY_BASELINE

# Okabe & Ito 2008 (https://jfly.uni-koeln.de/color/): distinct for colour-blind readers. In grey print the markers,
# fills and dashes tell what the colours tell.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
NEUTRAL = "0.35"  # of what was not tuned
MARKERS = ("D", "^", "v", "P", "X", "p", "h", "<", ">")  # of what was tuned; circle, square and star are the others'
FILLS = ("full", "none", "left", "top")
DASHES = ("-", "--", "-.", ":")
# A line of the reliability diagram leaves out a bin with fewer questions, or a smaller share of them.
FEWEST_QUESTIONS, SMALLEST_SHARE = 3, 0.01
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


def plot_accuracy(runs: pd.DataFrame, path: str | Path, *, title: str) -> None:
    """Draw one band a model, with a marker and the 95 % interval of each of its systems; baselines are vertical lines.

    Args:
        runs: rows of `seeds_and_sizes.run_table`, those of a model together.
        path: the file to write.
        title: of the figure.
    """
    baselines, systems = (runs[(runs["variant"] == "baseline") == kind] for kind in (True, False))
    bands = [part for _, part in systems.groupby("model", sort=False)]
    styles, lines = _system_styles(systems), 100 * baselines["mean"]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 1.7 + 0.27 * len(systems) + 0.14 * len(bands) + 0.17 * len(baselines)))
        shown: dict[str, Any] = {}
        top, middles = 0.0, []
        for number, band in enumerate(bands):
            shade = "0.95" if number % 2 == 0 else "white"
            bottom = top + len(band) + 0.5
            axes.axhspan(top, bottom, color=shade, linewidth=0, zorder=0)
            middles.append((top + bottom) / 2)
            for place, row in enumerate(band.to_dict("records")):
                label, height = _system_label(row), top + 0.75 + place
                mean, low, high = (100 * row[key] for key in ("mean", "low", "high"))
                shown[label] = axes.errorbar(
                    mean, height, xerr=[[mean - low], [high - mean]], capsize=2.5, elinewidth=1.3, markersize=6.5,
                    markerfacecoloralt="white", linestyle="none", zorder=3, **styles[label],
                )  # fmt: skip
                crossed = any(high < line < high + 7 for line in lines) and not any(
                    low - 7 < line < low for line in lines
                )
                axes.text(
                    low - 1.2 if crossed else high + 1.2, height, f"{mean:.1f}", ha="right" if crossed else "left",
                    va="center", fontsize=9, zorder=4, bbox={"facecolor": shade, "edgecolor": "none", "pad": 0.8},
                )  # fmt: skip
            top = bottom
        _draw_baselines(axes, baselines)
        axes.set_ylim(top, 0)
        axes.set_yticks(middles, [band["model"].iloc[0] for band in bands])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, max(100, 100 * systems["high"].max() + 7))
        axes.set_xticks(range(0, 101, 10))
        over = ", means over training seeds" if systems["runs"].max() > 1 else ""
        axes.set_xlabel(f"accuracy on {runs['questions'].iloc[0]} questions, %{over} (bars: 95 % interval)")
        axes.set_title(title, loc="left", fontweight="bold", pad=8 + 12 * len(baselines))
        figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=min(3, len(shown)), frameon=False)
        _save(figure, path)


def _system_label(row: dict[str, Any]) -> str:
    """Return the name of a system in a legend, without its model."""
    label = row["name"].removeprefix(f"{row['model']} ")
    return "untuned" if row["variant"] == "base" else label


def _system_styles(systems: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return colour, marker and fill by label: a colour and a marker a recipe, filled for its largest size."""
    styles = {
        "untuned": {"color": NEUTRAL, "marker": "o", "fillstyle": "none"},
        "few-shot": {"color": NEUTRAL, "marker": "s", "fillstyle": "none"},
        "zero-shot": {"color": "black", "marker": "*", "fillstyle": "full"},
    }
    tuned = systems[systems["variant"] == "tuned"]
    recipes = tuned.assign(recipe=tuned["recipe"].fillna("")).groupby("recipe", sort=False)
    for place, (_, rows) in enumerate(recipes):
        by_size = rows.sort_values("rows", ascending=False).to_dict("records")
        for size, label in enumerate(dict.fromkeys(map(_system_label, by_size))):
            styles[label] = {
                "color": COLOURS[place % len(COLOURS)],
                "marker": MARKERS[place % len(MARKERS)],
                "fillstyle": FILLS[size % len(FILLS)],
            }
    return styles


def _draw_baselines(axes: plt.Axes, baselines: pd.DataFrame) -> None:
    """Draw a vertical line a baseline, with its name above the axes, each in a line of text of its own."""
    ordered = baselines.sort_values("mean").to_dict("records")
    trained = [row["name"] for row in baselines.to_dict("records") if row["model"] != MAJORITY_BASELINE]
    for place, row in enumerate(ordered):
        constant, value = row["model"] == MAJORITY_BASELINE, 100 * row["mean"]
        style = {
            "color": "0.55" if constant else "black",
            "linestyle": ":" if constant else DASHES[trained.index(row["name"]) % len(DASHES)],
            "linewidth": 1.0 if constant else 1.2,
        }
        axes.axvline(value, zorder=1, **style)
        left = value > 50  # the side of the line that has more room
        above = {"xy": (value, 1), "xycoords": axes.get_xaxis_transform(), "textcoords": "offset points"}
        height = 3 + 12 * place
        axes.annotate(
            "", xytext=(0, height + 9), arrowprops={"arrowstyle": "-", "shrinkA": 0, "shrinkB": 0, **style}, **above
        )
        axes.annotate(
            f"{row['name']}: {value:.1f}", xytext=(-4 if left else 4, height), ha="right" if left else "left",
            va="bottom", fontsize=9, color=style["color"], **above,
        )  # fmt: skip


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
            columns = [*codes, NO_LABEL] if matrix[:, -1].any() else codes
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
    """Draw accuracy over the number of training rows (log scale), one curve a series with its name at the end.

    `curve` is the result of `seeds_and_sizes.learning_curve`; bars are 95 % intervals. A single size gives points
    without lines.
    """
    with plt.rc_context(STYLE):
        curves = [part for _, part in curve.groupby("series", sort=False)]
        models, recipes = list(curve["model"].unique()), list(curve["recipe"].fillna("").unique())
        sizes = sorted(curve["rows"].unique())
        figure, axes = plt.subplots(figsize=(8, max(4, 1.2 + 0.26 * len(curves))))
        ends = []
        for place, part in enumerate(curves):
            # Shifted a little, so that the intervals of several models at one size do not hide each other.
            rows = part["rows"].to_numpy(dtype=float) * 1.02 ** (place - (len(curves) - 1) / 2)
            mean, low, high = (100 * part[key].to_numpy() for key in ("mean", "low", "high"))
            first = part.iloc[0]
            neutral = first["variant"] == "baseline"
            style = {
                "color": NEUTRAL if neutral else COLOURS[models.index(first["model"]) % len(COLOURS)],
                "marker": "s" if neutral else MARKERS[place % len(MARKERS)],
            }
            recipe = "" if pd.isna(first["recipe"]) else first["recipe"]
            axes.errorbar(
                rows, mean, yerr=[mean - low, high - mean], linewidth=1.4, capsize=3, elinewidth=0.9,
                linestyle=DASHES[recipes.index(recipe) % len(DASHES)], **style,
            )  # fmt: skip
            ends.append((mean[-1], first["series"], style))
        axes.set_xscale("log")
        axes.set_xlim(sizes[0] / 1.2, sizes[-1] * 1.2)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        low, high = axes.get_ylim()
        axes.set_ylim(max(0, low - 2), min(100, high + 2))
        low, high = axes.get_ylim()
        ends.sort(key=lambda end: end[:2])
        heights = _apart([end[0] for end in ends], (high - low) / 15)
        beside = axes.get_yaxis_transform()  # x in widths of the axes
        for (_, name, style), height in zip(ends, heights, strict=True):
            axes.plot(1.03, height, transform=beside, clip_on=False, **style)
            axes.text(1.055, height, name, va="center", transform=beside)
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


def plot_training(records: dict[str, dict[str, Any]], path: str | Path, *, title: str) -> None:
    """Draw one panel a tuned variant: training and validation loss by epoch, and the epoch that was kept.

    `records` has a training.json by the variant's name.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, len(records), figsize=(2 + 5 * len(records), 3.7), sharey=True, squeeze=False)
        for axes, (variant, record) in zip(panels[0], records.items(), strict=True):
            training, validation = (pd.DataFrame(record[name]) for name in ("training_loss", "validation_loss"))
            axes.plot(training["epoch"], training["loss"], color="0.55", linewidth=1.2, label="training")
            axes.plot(
                validation["epoch"], validation["loss"], color=COLOURS[0], linewidth=1.6, marker="o", label="validation"
            )
            axes.axvline(record["best_epoch"], color="0.4", linestyle=":", linewidth=1.2, label="kept")
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
            axes.set_xlabel("epoch")
            axes.set_title(variant)
        panels[0, 0].set_ylabel("loss per answer token, nats (log scale)")
        panels[0, -1].legend(frameon=False)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
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
    line shows the same answers after temperature scaling. The lines leave out nearly empty bins.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(calibrations), figsize=(1.4 + 3.2 * len(calibrations), 3.9), sharey=True, squeeze=False
        )
        figure.get_layout_engine().set(wspace=0.08)  # tick labels of neighbours would almost touch
        shown: dict[str, Any] = {}
        for axes, (variant, measured) in zip(panels[0], calibrations.items(), strict=True):
            bars = pd.DataFrame(measured["reliability"])
            share = bars["count"] / bars["count"].sum()
            axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1.2)
            axes.bar(bars["low"], share, width=bars["high"] - bars["low"], align="edge", color="0.90")
            lines = [("as it is", measured, {"color": COLOURS[0], "marker": "o"})]
            if scaled := measured["scaled"]:
                style = {"color": COLOURS[1], "marker": "s", "markerfacecolor": "white", "linestyle": "--"}
                lines.append(("after temperature scaling", scaled, style))
            for name, values, style in lines:
                points = pd.DataFrame(values["reliability"])
                # The accuracy of a nearly empty bin is noise.
                points = points[points["count"] >= max(FEWEST_QUESTIONS, SMALLEST_SHARE * points["count"].sum())]
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
