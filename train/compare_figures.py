"""The pictures of all models in one style, in `reports/figures/`: `draw_comparison(content, arms, folder)`.

Each model keeps its colour (Okabe & Ito's palette for the colour-blind), line, marker and hatch in
all of them, so that they can be read in black and white too. A picture that nothing can be said in
is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fersys.labels import EMOTIONS
from train.arms import ABOUT, Arm
from train.certainty import FEWEST, risk_coverage
from train.contamination import SIMULATED
from train.figures import DARK, DRAWN, LIGHT, MIDDLE, fill_confusion, new_figure, plain, plot_bins, reliability, save
from train.system_figure import draw_system

_LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 2)))
_COLOURS = ("#08306b", "#0072b2", "#d55e00", "#009e73", "#000000", "#cc79a7", "#7f7f7f", "#e69f00")
_MARKERS = ("o", "s", "^", "D", "X", "v", "P", "*")
_HATCHES = ("", "///", "...", "\\\\\\", "xxx", "ooo", "---", "+++")
_WIDE = 4  # panels beside one another
_SMALL: dict[str, Any] = {"fontsize": 8}


@dataclass(frozen=True)
class Style:
    """How a model is drawn."""

    colour: str
    line: Any
    marker: str
    hatch: str

    def of_line(self) -> dict[str, Any]:
        """Arguments of `Axes.plot`."""
        return {"color": self.colour, "linestyle": self.line, "marker": self.marker, "markersize": 5}


def styles(names: Sequence[str]) -> dict[str, Style]:
    """Give each model its style; those of `ABOUT` have the same in every picture, whichever others are drawn."""
    unknown = [name for name in names if name not in ABOUT]
    places = {name: (*ABOUT, *unknown).index(name) for name in names}
    return {name: Style(_COLOURS[p % 8], _LINES[p % 7], _MARKERS[p % 8], _HATCHES[p % 8]) for name, p in places.items()}


def draw_comparison(content: dict[str, Any], arms: Sequence[Arm], folder: Path) -> list[Path]:
    """Draw every picture that the figures allow, and return the paths; those of a former comparison are removed.

    Args:
        content: as `train.comparison.compare` returned it.
        arms: the models in it.
        folder: where pictures go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.png"), *folder.glob("*.svg")):
        old.unlink()
    split = shown_split(content)
    return [path for name, figure in _every(content, arms, split) if figure is not None for path in save(figure, folder / name)]


def _every(content: dict[str, Any], arms: Sequence[Arm], split: str) -> Iterator[tuple[str, Figure | None]]:
    yield "system", draw_system()
    yield "contamination", draw_contamination(content)
    yield "class_accuracy", draw_class_accuracy(content["models"], split)
    yield "precision_recall", draw_precision_recall(content["models"], split)
    yield "confusion", draw_confusions(content["models"], split)
    yield "learning_curves", draw_histories(arms)
    yield "reliability", draw_reliabilities(content["models"], arms, split)
    yield "risk_coverage", draw_risks(arms, split)
    yield "robustness", draw_robustness(content["robustness"])


def shown_split(content: dict[str, Any]) -> str:
    """Return the split that pictures and tables of one split show: test if every model was measured on it, else validation."""
    return "test" if all("test" in model["splits"] for model in content["models"]) else "validation"


def draw_class_accuracy(models: Sequence[dict[str, Any]], split: str) -> Figure:
    """Draw which share of each expression every model names (the paper's Fig. 3)."""
    figure = new_figure(9, 4.8)
    axes = figure.add_subplot()
    for name, style in styles([model["model"] for model in models]).items():
        per_class = next(model["splits"][split]["per_class"] for model in models if model["model"] == name)
        axes.plot(range(len(EMOTIONS)), [per_class[emotion]["recall"] for emotion in EMOTIONS], label=name, **style.of_line())
    support = models[0]["splits"][split]["per_class"]
    axes.set_xticks(range(len(EMOTIONS)), [f"{emotion}\n{support[emotion]['support']} images" for emotion in EMOTIONS])
    axes.set(ylim=(0, 1), ylabel="share of the expression's images named right")
    axes.set_title(f"Accuracy by expression, {DRAWN[split]}", fontsize=11)
    plain(axes)
    _legend(figure, axes)
    return figure


def _legend(figure: Figure, axes: Axes) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=_WIDE, frameon=False)


def draw_precision_recall(models: Sequence[dict[str, Any]], split: str) -> Figure:
    """Draw precision and recall of each expression as bars, model beside model (the paper's Fig. 4)."""
    figure = new_figure(10, 6.4)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, kind in zip(panels, ("precision", "recall"), strict=True):
        _bars(axes, models, split, kind)
        axes.set(ylim=(0, 1), ylabel=kind)
        plain(axes)
    panels[0].set_title(f"Precision and recall by expression, {DRAWN[split]}", fontsize=11)
    _legend(figure, panels[0])
    return figure


def _bars(axes: Axes, models: Sequence[dict[str, Any]], split: str, kind: str) -> None:
    width = 0.84 / len(models)
    for number, (name, style) in enumerate(styles([model["model"] for model in models]).items()):
        values = [models[number]["splits"][split]["per_class"][emotion][kind] for emotion in EMOTIONS]
        places = np.arange(len(EMOTIONS)) + (number - (len(models) - 1) / 2) * width
        axes.bar(places, values, width, label=name, facecolor=_pale(style), edgecolor=style.colour, hatch=style.hatch, linewidth=0.8)
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS)


def _pale(style: Style) -> str:
    """A bar without a hatch is filled, the others are white between their lines."""
    return "white" if style.hatch else style.colour


def draw_confusions(models: Sequence[dict[str, Any]], split: str) -> Figure:
    """Draw the confusion matrix of every model: shares of each true expression (the paper's Figs. 5 and 6)."""
    figure, panels = _grid(len(models), 3.0, 3.1)
    for axes, model in zip(panels, models, strict=True):
        result = model["splits"][split]
        fill_confusion(axes, np.array(result["confusion_matrix"]), "{share:.0%}", 6.5)
        axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=40, ha="right", rotation_mode="anchor", **_SMALL)
        axes.set_yticks(range(len(EMOTIONS)), EMOTIONS, **_SMALL)
        axes.set_title(f"{model['model']}, accuracy {result['accuracy']:.3f}", fontsize=9)
    figure.supxlabel("model says", fontsize=9)
    figure.supylabel("truth", fontsize=9)
    figure.suptitle(f"Confusion, {DRAWN[split]}: share of the true expression", fontsize=11)
    return figure


def _grid(count: int, width: float, height: float, wide: int = _WIDE) -> tuple[Figure, list[Axes]]:
    """A figure with a panel each, `width` × `height` inches, in as many rows as needed."""
    columns = min(count, wide)
    rows = -(-count // columns)
    figure = new_figure(max(width * columns, 6), height * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for spare in panels[count:]:
        spare.remove()
    return figure, panels[:count]


def draw_histories(arms: Sequence[Arm]) -> Figure | None:
    """Draw accuracy by epoch in training and validation of each model that we trained (the paper's Fig. 7)."""
    trained = [arm for arm in arms if arm.history]
    if not trained:
        return None
    figure, panels = _grid(len(trained), 3.6, 2.9, wide=3)
    for axes, arm in zip(panels, trained, strict=True):
        _history(axes, arm)
    figure.suptitle("Learning curves: accuracy by epoch", fontsize=11)
    _legend(figure, panels[0])
    return figure


def _history(axes: Axes, arm: Arm) -> None:
    epochs = [row["epoch"] for row in arm.history]
    mark = max(1, len(epochs) // 8)
    training, validation = ([row[name] for row in arm.history] for name in ("accuracy", "val_accuracy"))
    axes.plot(epochs, training, MIDDLE, linestyle="--", marker="s", markerfacecolor="white", markevery=mark, label="training images, as fed")
    axes.plot(epochs, validation, DARK, marker="o", markevery=mark, label="validation")
    axes.set_title(f"{arm.name}: validation at most {max(validation):.3f}", fontsize=9)
    axes.set(ylim=(0.2, 1), xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain(axes)


def draw_reliabilities(models: Sequence[dict[str, Any]], arms: Sequence[Arm], split: str) -> Figure:
    """Draw accuracy over confidence of every model, without and with its temperature."""
    figure, panels = _grid(len(arms), 2.9, 3.0)
    for axes, model, arm in zip(panels, models, arms, strict=True):
        found = model["calibration"]
        without, with_it = (reliability(given, arm.predictions.of(split)[1]) for given in arm.before_and_after(split))
        errors = {when: found["splits"][split][when]["ece"] for when in ("before", "after")}
        axes.plot([0, 1], [0, 1], color="gray", linewidth=1)
        plot_bins(axes, without, f"without: ECE {errors['before']:.3f}", {"color": MIDDLE, "linestyle": ":", "marker": "s", "markerfacecolor": "white"})
        plot_bins(axes, with_it, f"T = {found['temperature']:.2f}: ECE {errors['after']:.3f}", {"color": DARK, "marker": "o"})
        axes.legend(loc="upper left", frameon=False, **_SMALL)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_title(model["model"], fontsize=9)
        plain(axes)
    figure.supxlabel("confidence (probability of the answer)", fontsize=9)
    figure.supylabel("accuracy", fontsize=9)
    figure.suptitle(f"Reliability without and with temperature, {DRAWN[split]}", fontsize=11)
    return figure


def draw_risks(arms: Sequence[Arm], split: str) -> Figure:
    """Draw the share of wrong answers over the share of faces answered, the surest first."""
    figure = new_figure(8, 5)
    axes = figure.add_subplot()
    for arm, style in zip(arms, styles([arm.name for arm in arms]).values(), strict=True):
        curve = risk_coverage(*arm.predictions.of(split))
        shown = curve.answered >= FEWEST
        mark = max(1, int(shown.sum()) // 9)
        axes.plot(curve.coverage[shown], curve.risk[shown], markevery=mark, label=f"{arm.name}, AURC {curve.area:.3f}", **style.of_line())
    axes.set(xlim=(0, 1), ylim=(0, None), xlabel="coverage: share of faces answered", ylabel="risk: share of wrong answers among them")
    axes.set_title(f"Risk and coverage, {DRAWN[split]}", fontsize=11)
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    plain(axes)
    return figure


def draw_robustness(report: dict[str, Any] | None) -> Figure | None:
    """Draw accuracy over the strength of every corruption."""
    if report is None:
        return None
    figure, panels = _grid(len(report["corruptions"]), 3.5, 3.0, wide=3)
    for axes, (kind, about) in zip(panels, report["corruptions"].items(), strict=True):
        for name, style in styles(list(report["models"])).items():
            line = report["models"][name]
            axes.plot(range(len(about["strengths"]) + 1), [line["clean"], *line["accuracy"][kind]], label=name, **style.of_line())
        axes.set_xticks(range(len(about["strengths"]) + 1), ["none", *(f"{strength:g}" for strength in about["strengths"])], **_SMALL)
        axes.set(ylim=(0, 0.8))
        axes.set_xlabel(about["unit"], **_SMALL)
        axes.set_title(kind, fontsize=10)
        plain(axes)
    figure.supylabel("accuracy", fontsize=9)
    figure.suptitle(f"Robustness, {report['images']} images of {report['split']}", fontsize=11)
    _legend(figure, panels[0])
    return figure


@dataclass(frozen=True)
class Seen:
    """A mark in the picture of contamination: key in a row, what it is called, how it is drawn, how far above the line."""

    key: str
    label: str
    marker: str
    colour: str
    rise: float = 0.0


_SEEN = (
    Seen("train", "Training: seen", "s", DARK),
    Seen(SIMULATED, "the paper's 28,821 images, simulated: {seen:.0%} seen", "D", MIDDLE),
    Seen("validation", "validation: not fitted on", "v", "gray", 0.2),
    Seen("test", "test: not seen, but for twins", "o", "black"),
    Seen("test_strict", "test without any near twin", "X", "white", -0.2),
)


def draw_contamination(content: dict[str, Any]) -> Figure:
    """Draw what every model scores on images it has seen and on others, beside what was claimed for DeepFace."""
    told = content["contamination"]
    rows = list(reversed(told["rows"]))
    figure = new_figure(10, 1.9 + 0.55 * len(rows))
    axes = figure.add_subplot()
    _claims(axes, told)
    for seen in _SEEN:
        shown = [(value, place + seen.rise) for place, row in enumerate(rows) if (value := _mean(row[seen.key])) is not None]
        if shown:
            label = seen.label.format(seen=told["seen"] or 0)
            axes.plot(*zip(*shown, strict=True), seen.marker, color=seen.colour, markeredgecolor="black", markersize=8, label=label, zorder=3)
    _spans(axes, rows)
    axes.set_yticks(range(len(rows)), [row["model"] for row in rows])
    axes.set(ylim=(-0.6, len(rows) - 0.4), xlabel="accuracy")
    axes.set_title("What a model scores depends on what it has seen", fontsize=11)
    plain(axes)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _claims(axes: Axes, told: dict[str, Any]) -> None:
    lines = (
        (told["paper"]["accuracy"], "--", f"DeepFace as the paper says: {told['paper']['accuracy']:.2f}"),
        (told["author"]["train"], "-.", f"as its author says, Training: {told['author']['train']:.4f}"),
        (told["author"]["validation"], ":", f"as its author says, PublicTest: {told['author']['validation']:.4f}"),
    )
    for value, style, label in lines:
        axes.axvline(value, color="black", linestyle=style, linewidth=1.2, label=label)


def _mean(value: Any) -> float | None:
    mean: float | None = value["mean"] if isinstance(value, dict) else value
    return mean


def _spans(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    """A pale line from the lowest to the highest accuracy of each model."""
    for place, row in enumerate(rows):
        values = [value for seen in _SEEN if (value := _mean(row[seen.key])) is not None]
        axes.hlines(place, min(values), max(values), color=LIGHT, linewidth=5, zorder=1)
