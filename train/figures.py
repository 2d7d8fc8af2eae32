"""The pictures of a measured model, in `figures/` of its package: `draw_all(folder)`.

Each is written as PNG (150 dpi) and SVG. All use one hue from light to dark, hatches, line styles
and markers, so that they can be read in black and white and by the colour-blind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from fersys.calibration import apply_temperature
from fersys.labels import EMOTIONS
from fersys.package import FIGURES_FOLDER, HISTORY_FILE, PREDICTIONS_FILE
from train.certainty import FEWEST, LEVEL, SURENESS, RiskCoverage, lower_bound, risk_coverage
from train.expression_metrics.expression_metrics import BINS, bin_of
from train.history import Rows, read_history
from train.measure import read_metrics
from train.predictions import Predictions, read_predictions

DPI = 150
FEW = 10  # a bin with fewer images is too noisy to show; the ECE counts it
LIGHT, MIDDLE, DARK = "#c6dbef", "#6baed6", "#08306b"
DRAWN = {
    "validation": "validation (PublicTest)",
    "test": "test (PrivateTest)",
    "test_ferplus": "test, truth by FER+ raters",
}  # the splits that are drawn: pictures of the other tests look like that of "test"
_SPLIT_STYLES: dict[str, dict[str, Any]] = {
    "validation": {"color": DARK},
    "test": {"color": MIDDLE, "linestyle": "--"},
    "test_ferplus": {"color": "black", "linestyle": ":"},
}
_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}

Metrics = dict[str, Any]
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Reliability:
    """What the 15 confidence bins hold: number of images, their mean confidence and accuracy (NaN in an empty bin)."""

    count: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]


def draw_all(folder: Path) -> list[Path]:
    """Draw every picture that the package's files allow into `figures/`, and return the paths.

    `metrics.json` and `predictions.parquet` give three pictures for each split in `DRAWN` and one
    of the certainty, `history.csv` the learning curves (left out where there is none). Pictures of
    a former measurement are removed.

    Raises:
        PackageError: if there is no `metrics.json`.
        DataError: if there is no `predictions.parquet`.
    """
    metrics, predictions = read_metrics(folder), read_predictions(folder / PREDICTIONS_FILE)
    target = folder / FIGURES_FOLDER
    target.mkdir(exist_ok=True)
    for old in (*target.glob("*.png"), *target.glob("*.svg")):
        old.unlink()
    splits = [split for split in DRAWN if split in metrics["splits"]]
    drawn = [path for split in splits for name, figure in _of_split(metrics, predictions, split) for path in save(figure, target / name)]
    drawn += draw_certainty(folder)
    history = read_history(folder / HISTORY_FILE)
    return drawn + (save(draw_learning_curves(history), target / "learning_curves") if history else [])


def _of_split(metrics: Metrics, predictions: Predictions, split: str) -> Iterator[tuple[str, Figure]]:
    result, title = metrics["splits"][split], f"{metrics['model']}: {DRAWN[split]}"
    after, truth = predictions.of(split)
    before = apply_temperature(after, 1 / metrics["temperature"])
    yield f"confusion_{split}", draw_confusion(result, title)
    yield f"per_class_{split}", draw_per_class(result, title)
    yield f"reliability_{split}", draw_reliability(reliability(after, truth), reliability(before, truth), result, title)


def save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure beside `path` as .png and .svg; the same figure gives the same SVG again."""
    files = [path.with_suffix(".png"), path.with_suffix(".svg")]
    FigureCanvasAgg(figure)
    with mpl.rc_context({"svg.hashsalt": "fersys"}):
        figure.savefig(files[0], dpi=DPI, metadata={"Software": None})
        figure.savefig(files[1], metadata={"Date": None})
    return files


def new_figure(width: float, height: float) -> Figure:
    """Return an empty white figure of this size in inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def draw_confusion(result: Metrics, title: str) -> Figure:
    """Draw the confusion matrix: share of each true class (dark = much), with counts."""
    counts = np.array(result["confusion_matrix"])
    figure = new_figure(7, 6.2)
    axes = figure.add_subplot()
    image = fill_confusion(axes, counts, "{share:.0%}\n{count}", 9)
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(EMOTIONS)), [f"{name} ({total})" for name, total in zip(EMOTIONS, counts.sum(axis=1), strict=True)])
    axes.set_xlabel("model says")
    axes.set_ylabel("truth (images)")
    axes.set_title(f"{title}\naccuracy {result['accuracy']:.3f}, n = {result['n']}", fontsize=11)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("share of the true class")
    return figure


def fill_confusion(axes: Axes, counts: npt.NDArray[np.int64], text: str, size: float) -> Any:
    """Fill axes with the cells of a confusion matrix and return the image, for a colour bar.

    Args:
        axes: to draw on.
        counts: int (7, 7), rows = truth.
        text: what is written into a cell, with `{share}` of the true class and `{count}`.
        size: of the letters, in points.
    """
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(share):
        colour = "white" if value > 0.72 else "black"
        axes.text(column, row, text.format(share=value, count=counts[row, column]), ha="center", va="center", color=colour, fontsize=size)
    return image


def draw_per_class(result: Metrics, title: str) -> Figure:
    """Draw precision, recall and F1 of each expression as bars with 95 % intervals."""
    figure = new_figure(9, 4.4)
    axes = figure.add_subplot()
    styles = {"precision": (LIGHT, "///"), "recall": (MIDDLE, "..."), "f1": (DARK, "")}
    for offset, (name, (colour, hatch)) in zip((-0.27, 0.0, 0.27), styles.items(), strict=True):
        values = np.array([result["per_class"][emotion][name] for emotion in EMOTIONS])
        places = np.arange(len(EMOTIONS)) + offset
        label = "F1" if name == "f1" else name
        axes.bar(places, values, 0.25, color=colour, hatch=hatch, edgecolor="black", linewidth=0.6, label=label)
        low, high = _interval(result, name)
        axes.vlines(places, low, high, color="black", linewidth=1.4, path_effects=[withStroke(linewidth=4, foreground="white")])
        if name == "f1":
            for place, top, value in zip(places, np.maximum(high, values), values, strict=True):
                axes.text(place, top + 0.015, f"{value:.2f}", ha="center", fontsize=8, bbox=_WHITE)
    axes.axhline(result["macro_f1"], color="black", linestyle="--", linewidth=1, zorder=0.9, label=f"macro-F1 {result['macro_f1']:.3f}")
    axes.set_xticks(range(len(EMOTIONS)), [f"{name}\n{result['per_class'][name]['support']} images" for name in EMOTIONS])
    axes.set_ylim(0, 1.05)
    plain(axes)
    axes.set_title(f"{title} (lines: 95 % intervals)", fontsize=11)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure


def _interval(result: Metrics, name: str) -> tuple[Floats, Floats]:
    """Bounds (7,) of one per-class statistic; the values themselves where no interval was computed."""
    values = {emotion: result["per_class"][emotion][name] for emotion in EMOTIONS}
    pairs = np.array([result.get("ci95", {}).get(f"{emotion}_{name}", [value, value]) for emotion, value in values.items()])
    return pairs[:, 0], pairs[:, 1]


def reliability(probabilities: Floats, truth: npt.NDArray[np.int64]) -> Reliability:
    """Sort the answers into bins of confidence.

    Args:
        probabilities: (n, 7), rows sum to 1.
        truth: int64 (n,), positions in `EMOTIONS`.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    number, right = bin_of(confidence), probabilities.argmax(axis=1) == truth
    count = np.bincount(number, minlength=BINS)
    sums = [np.bincount(number, weights=weights, minlength=BINS) for weights in (confidence, right)]
    means = [np.divide(total, count, out=np.full(BINS, np.nan), where=count > 0) for total in sums]
    return Reliability(count, means[0], means[1])


def draw_reliability(after: Reliability, before: Reliability, result: Metrics, title: str) -> Figure:
    """Draw accuracy over confidence before and after temperature scaling, above a histogram."""
    figure = new_figure(6, 6.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color="gray", linestyle="--", linewidth=1, label="perfectly calibrated")
    old, new = result["uncalibrated"], result
    plot_bins(upper, before, f"before scaling, ECE {old['ece']:.3f}", {"color": MIDDLE, "linestyle": ":", "marker": "s", "markerfacecolor": "white"})
    plot_bins(upper, after, f"as shipped, ECE {new['ece']:.3f}", {"color": DARK, "marker": "o"})
    upper.set(ylabel=f"accuracy (bins of {FEW} images or more)", xlim=(0, 1), ylim=(0, 1))
    upper.set_title(f"{title}\nNLL {old['nll']:.3f} → {new['nll']:.3f}", fontsize=11)
    upper.legend(loc="upper left", frameon=False)
    edges, share = np.linspace(0, 1, BINS + 1), after.count / after.count.sum()
    lower.bar(edges[:-1], share, 1 / BINS, align="edge", color=LIGHT, edgecolor="black", linewidth=0.6)
    lower.set(ylabel="share of images", xlabel="confidence (probability of the answer)")
    for axes in (upper, lower):
        plain(axes)
    return figure


def plot_bins(axes: Axes, bins: Reliability, label: str, style: dict[str, Any]) -> None:
    """Plot accuracy over confidence of the bins that hold `FEW` images or more."""
    shown = bins.count >= FEW
    axes.plot(bins.confidence[shown], bins.accuracy[shown], label=label, clip_on=False, zorder=3, **style)


def draw_certainty(folder: Path) -> list[Path]:
    """Draw `figures/risk_coverage` alone and return its paths; none if the metrics know of no certainty on validation.

    Raises:
        PackageError: if there is no `metrics.json`.
        DataError: if there is no `predictions.parquet`.
    """
    metrics, predictions = read_metrics(folder), read_predictions(folder / PREDICTIONS_FILE)
    if "validation" not in metrics.get("certainty", {}).get("splits", {}):
        return []
    curves = {split: risk_coverage(*predictions.of(split)) for split in DRAWN if split in predictions.members}
    figure = draw_risk_coverage(curves, metrics["certainty"]["threshold"], metrics["model"])
    (folder / FIGURES_FOLDER).mkdir(exist_ok=True)
    return save(figure, folder / FIGURES_FOLDER / "risk_coverage")


def draw_risk_coverage(curves: dict[str, RiskCoverage], threshold: float, title: str) -> Figure:
    """Draw risk over coverage for each split of `DRAWN`, and over the threshold for validation, which chose it."""
    figure = new_figure(10, 4.4)
    left, right = figure.subplots(1, 2)
    for split, curve in curves.items():
        _plot_risk(left, curve, threshold, {"label": f"{DRAWN[split]}, AURC {curve.area:.3f}", **_SPLIT_STYLES[split]})
    left.set(xlabel="coverage: share of faces answered", ylabel="risk: share of wrong answers among them")
    _plot_thresholds(right, curves["validation"])
    right.axvline(threshold, color="black", linewidth=1, label=f"certainty {threshold:.2f}")
    right.set(xlabel="certainty: top probability from which on a face is answered", ylabel="validation")
    for axes in (left, right):
        axes.set(xlim=(0, 1), ylim=(0, None if axes is left else 1))
        axes.legend(loc="upper left" if axes is left else "lower left", frameon=False, fontsize=9)
        plain(axes)
    figure.suptitle(f"{title}: \u201cnot sure\u201d below a top probability of {threshold:.2f} (circles)", fontsize=11)
    return figure


def _plot_risk(axes: Axes, curve: RiskCoverage, threshold: float, style: dict[str, Any]) -> None:
    shown = curve.answered >= FEWEST
    axes.plot(curve.coverage[shown], curve.risk[shown], **style)
    last = np.count_nonzero(curve.threshold >= threshold) - 1
    if last >= 0:
        axes.plot(curve.coverage[last], curve.risk[last], "o", color=style["color"], zorder=3)


def _plot_thresholds(axes: Axes, curve: RiskCoverage) -> None:
    shown = curve.answered >= FEWEST
    axes.plot(curve.threshold, curve.coverage, MIDDLE, linestyle="--", label="share answered")
    axes.plot(curve.threshold[shown], 1 - curve.risk[shown], DARK, label="share right among them")
    right = np.rint((1 - curve.risk) * curve.answered).astype(int)
    low = [lower_bound(*counts) for counts in zip(right[shown].tolist(), curve.answered[shown].tolist(), strict=True)]
    axes.fill_between(curve.threshold[shown], low, 1 - curve.risk[shown], color=LIGHT, label=f"lower {SURENESS:.0%} bound")
    axes.axhline(LEVEL, color="gray", linestyle=":", linewidth=1, label=f"{LEVEL:.2f} asked for")


def draw_learning_curves(history: Rows) -> Figure:
    """Draw loss and accuracy of training and validation by epoch (the paper's Fig. 7)."""
    figure = new_figure(10, 4.2)
    epochs = [row["epoch"] for row in history]
    mark = max(1, len(epochs) // 12)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, [row[name] for row in history], MIDDLE, linestyle="--", marker="s", markerfacecolor="white", markevery=mark, label="training")
        axes.plot(epochs, [row[f"val_{name}"] for row in history], DARK, marker="o", markevery=mark, label="validation")
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)
        plain(axes)
    best = max(history, key=lambda row: row["val_accuracy"])
    figure.suptitle(f"Learning curves (highest validation accuracy {best['val_accuracy']:.3f} at epoch {best['epoch']:.0f})", fontsize=11)
    return figure


def plain(axes: Axes) -> None:
    """Leave of a diagram's frame the axes alone, with pale lines across."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
