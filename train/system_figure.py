"""The picture of the whole system (the paper's Fig. 1), a box for each function that takes a step.

`LANES` names the functions. One that is renamed or removed makes the drawing fail, so that the
picture cannot tell of a system that is not there any more. To add a step, add a line.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from fersys.errors import ConfigError
from fersys.recognizers import RECOGNIZERS
from train.figures import DARK, LIGHT


@dataclass(frozen=True)
class Step:
    """One step: where its function stands, "module:function" or "module:Class.method", and what it does."""

    place: str
    words: str

    @property
    def call(self) -> str:
        """The function as the picture names it."""
        module, _, name = self.place.partition(":")
        return f"{module}\n{name}()"


@dataclass(frozen=True)
class Lane:
    """A row of steps, its heading, what it hands to the next row, and from which of its steps."""

    title: str
    steps: tuple[Step, ...]
    hands_over: str = ""
    last: int = -1


LANES = (
    Lane(
        "Train",
        (
            Step("train.data:load_fer2013", "FER2013 with its official splits, labels by name"),
            Step("train.twins:clean_training", "no twins of test images, no disputed labels"),
            Step("train.augment:augment", "each view varied at random"),
            Step("train.fit:fit", "a CNN or DeepFace's network, resumable"),
            Step("train.export:export", "one file to serve, known by its hash"),
        ),
        "runs/<name>/",
    ),
    Lane(
        "Measure",
        (
            Step("train.calibrate:calibrate_package", "temperature and \u201cnot sure\u201d, on validation"),
            Step("train.measure:measure", "what the served file says of every image"),
            Step("train.release:release", "the test splits are opened once, the model is shipped"),
            Step("train.comparison:compare", "all models side by side"),
        ),
        "hub/models/<name>/",
        2,
    ),
    Lane(
        "Answer",
        (
            Step("fersys.images:read_image", "a picture, or a frame of a video"),
            Step("fersys.faces:detect", "faces: found, levelled, cut square"),
            Step("fersys.recognizers.base:Recognizer.predict", f"one crop for all models: {', '.join(RECOGNIZERS)}"),
            Step("fersys.calibration:apply_temperature", "probabilities that mean what they say"),
            Step("fersys.results:to_prediction", "an expression, or \u201cnot sure\u201d"),
        ),
    ),
)

_WIDTH, _HEIGHT = 2.35, 1.12  # of a box, in inches, as all below
_ACROSS, _DOWN = 2.75, 1.75  # from one box to the next
_MARGIN, _HEADING = 0.25, 1.0
_LETTERS = 25  # in a line


def check_steps(lanes: Sequence[Lane] = LANES) -> None:
    """Check that every step names a function that is there.

    Raises:
        ConfigError: naming the first that is not.
    """
    for step in (step for lane in lanes for step in lane.steps):
        module, _, path = step.place.partition(":")
        if not _holds(_file(module), path.split(".")):
            raise ConfigError(f"The picture of the system: expected a function for each step. Received: {step.place}")


def _file(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _holds(file: Path | None, names: Sequence[str]) -> bool:
    """Whether a file defines a function, or a class with a method; it is read, not imported: TensorFlow is not needed to draw."""
    node: ast.AST = ast.parse(file.read_text(encoding="utf-8")) if file else ast.Module([], [])
    for name in names:
        node = next((one for one in getattr(node, "body", []) if getattr(one, "name", None) == name), ast.Module([], []))
    return isinstance(node, ast.FunctionDef)


def draw_system(lanes: Sequence[Lane] = LANES) -> Figure:
    """Draw the steps in their rows, from training to an answer.

    Raises:
        ConfigError: if a step is not there.
    """
    check_steps(lanes)
    width = _HEADING + max(len(lane.steps) for lane in lanes) * _ACROSS - (_ACROSS - _WIDTH) + 2 * _MARGIN
    height = len(lanes) * _DOWN - (_DOWN - _HEIGHT) + 2 * _MARGIN
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for row, lane in enumerate(lanes):
        _lane(axes, lane, _MARGIN + row * _DOWN)
    return figure


def _lane(axes: Axes, lane: Lane, top: float) -> None:
    middle = top + _HEIGHT / 2
    axes.text(_MARGIN, middle, lane.title, va="center", fontsize=13, fontweight="bold", color=DARK)
    for column, step in enumerate(lane.steps):
        left = _MARGIN + _HEADING + column * _ACROSS
        _box(axes, step, left, top)
        if column:
            _arrow(axes, (left - (_ACROSS - _WIDTH), middle), (left, middle))
    if lane.hands_over:
        _hand_over(axes, lane, top + _HEIGHT)


def _box(axes: Axes, step: Step, left: float, top: float) -> None:
    axes.add_patch(FancyBboxPatch((left, top), _WIDTH, _HEIGHT, "round,pad=0,rounding_size=0.1", facecolor="white", edgecolor=DARK, linewidth=1.3))
    middle = left + _WIDTH / 2
    axes.text(middle, top + 0.36, fill(step.words, _LETTERS, break_on_hyphens=False), ha="center", va="center", fontsize=9)
    axes.text(middle, top + 0.86, step.call, ha="center", va="center", fontsize=7, family="monospace", color=DARK)


def _hand_over(axes: Axes, lane: Lane, bottom: float) -> None:
    """An arrow from a box of the row back to the first of the next."""
    start = _MARGIN + _HEADING + range(len(lane.steps))[lane.last] * _ACROSS + _WIDTH / 2
    end, middle = _MARGIN + _HEADING + _WIDTH / 2, bottom + (_DOWN - _HEIGHT) / 2
    axes.plot([start, start, end], [bottom, middle, middle], color=DARK, linewidth=1.3, solid_joinstyle="miter")
    _arrow(axes, (end, middle), (end, bottom + _DOWN - _HEIGHT))
    label = {"facecolor": LIGHT, "edgecolor": "none", "boxstyle": "round,pad=0.25"}
    axes.text((start + end) / 2, middle, lane.hands_over, ha="center", va="center", fontsize=9, family="monospace", bbox=label)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": DARK, "linewidth": 1.3, "shrinkA": 0, "shrinkB": 0})
