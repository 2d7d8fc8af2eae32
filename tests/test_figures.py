"""The pictures: their content, read back from the drawn figure, and the files."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import evaluate
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import rgb_to_hsv, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fersys.errors import PackageError
from fersys.labels import EMOTIONS
from train.certainty import FEWEST, LEVEL, lower_bound, risk_coverage, summarize
from train.figures import (
    DARK,
    FEW,
    LIGHT,
    MIDDLE,
    draw_all,
    draw_certainty,
    draw_confusion,
    draw_learning_curves,
    draw_per_class,
    draw_reliability,
    draw_risk_coverage,
    reliability,
    save,
)
from train.measure import METRIC_FOLDER
from train.predictions import Predictions, read_predictions, write_predictions

COUNT = 300

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def answers() -> tuple[Array, Array]:
    """Probabilities (n, 7) and true classes (n,)."""
    random = np.random.default_rng(0)
    truth = np.arange(COUNT) % 7
    logits = random.normal(size=(COUNT, 7)) * 1.5 + 2 * np.eye(7)[truth]
    powers = np.exp(logits)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32), truth


@pytest.fixture(scope="module")
def result(answers: tuple[Array, Array]) -> dict[str, Any]:
    metric = evaluate.load(str(METRIC_FOLDER), keep_in_memory=True)
    values: dict[str, Any] = metric.compute(predictions=answers[0], references=answers[1], groups=np.arange(COUNT), resamples=50)
    return values | {"uncalibrated": {name: values[name] for name in ("nll", "brier", "ece")}}


@pytest.fixture
def package(tmp_path: Path, answers: tuple[Array, Array], result: dict[str, Any]) -> Path:
    probabilities, truth = answers
    numbers, everywhere = np.arange(COUNT), np.ones(COUNT, bool)
    splits = np.full(COUNT, "test")
    predictions = Predictions(numbers, numbers, splits, truth, truth, numbers, {"train": everywhere, "test_ferplus": everywhere}, probabilities)
    write_predictions(tmp_path / "predictions.parquet", predictions)
    metrics = {"format": 1, "model": "tiny", "temperature": 1.3, "splits": {"train": result, "test_ferplus": result}}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    return tmp_path


def history(epochs: int = 3) -> list[dict[str, float]]:
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return [{"epoch": e + 1.0} | {name: (i + 1) / 10 + e / 100 for i, name in enumerate(names)} for e in range(epochs)]


def write_history(folder: Path) -> None:
    rows = history()
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_pictures_of_the_drawn_splits_are_written_as_png_and_svg(package: Path) -> None:
    write_history(package)
    names = {"confusion_test_ferplus", "per_class_test_ferplus", "reliability_test_ferplus", "learning_curves"}
    drawn = draw_all(package)
    assert sorted(path.name for path in drawn) == sorted(f"{name}.{end}" for name in names for end in ("png", "svg"))
    for path in drawn:
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")
        else:
            image = cv2.imread(str(path))
            assert image is not None
            assert image.std() > 5
            assert min(image.shape[:2]) > 500


def test_without_history_there_are_no_learning_curves(package: Path) -> None:
    assert {path.stem.partition("_")[0] for path in draw_all(package)} == {"confusion", "per", "reliability"}


def test_pictures_of_a_former_measurement_go_even_if_nothing_is_drawn(package: Path) -> None:
    metrics = json.loads((package / "metrics.json").read_text())
    (package / "metrics.json").write_text(json.dumps(metrics | {"splits": {}}))
    (package / "figures").mkdir()
    (package / "figures" / "confusion_test.png").write_bytes(b"old")
    assert draw_all(package) == []
    assert not (package / "figures" / "confusion_test.png").exists()


def test_same_numbers_give_the_same_files(tmp_path: Path, result: dict[str, Any]) -> None:
    first, again = ([path.read_bytes() for path in save(draw_per_class(result, "tiny"), tmp_path / name)] for name in ("a", "b"))
    assert first == again


def test_unmeasured_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"metrics\.json"):
        draw_all(tmp_path)


def test_confusion_shows_shares_of_the_truth_and_counts(result: dict[str, Any]) -> None:
    figure = draw_confusion(result, "tiny")
    counts = np.array(result["confusion_matrix"])
    expected = [f"{count / row.sum():.0%}\n{count}" for row in counts for count in row]
    assert texts(figure) == expected
    np.testing.assert_allclose(np.asarray(figure.axes[0].images[0].get_array()).sum(axis=1), 1)
    assert figure.axes[0].get_xlabel() == "model says"


def test_confusion_text_stands_out_from_its_cell(result: dict[str, Any]) -> None:
    """Contrast of at least 4.5 : 1 (WCAG 2 AA) for every share there can be."""
    for diagonal in range(0, 101, 4):
        matrix = np.eye(7, dtype=int) * diagonal + np.roll(np.eye(7, dtype=int), 1, axis=1) * (100 - diagonal)
        axes = draw_confusion(result | {"confusion_matrix": matrix.tolist()}, "tiny").axes[0]
        image = axes.images[0]
        for text, value in zip(axes.texts, np.asarray(image.get_array()).ravel(), strict=True):
            assert contrast(luminance(image.to_rgba(value)[:3]), luminance(to_rgb(text.get_color()))) >= 4.5, value


def luminance(colour: Any) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_colours_are_one_hue_and_differ_in_lightness() -> None:
    hues = [rgb_to_hsv(to_rgb(colour))[0] for colour in (LIGHT, MIDDLE, DARK)]
    assert max(hues) - min(hues) < 0.06
    light, middle, dark = (luminance(to_rgb(colour)) for colour in (LIGHT, MIDDLE, DARK))
    assert contrast(light, middle) > 1.4
    assert contrast(middle, dark) > 3


def test_bars_are_as_high_as_the_values(result: dict[str, Any]) -> None:
    axes = draw_per_class(result, "tiny").axes[0]
    expected = [result["per_class"][emotion][name] for name in ("precision", "recall", "f1") for emotion in EMOTIONS]
    heights = [bar.get_height() for container in axes.containers for bar in container]
    assert heights == pytest.approx(expected)
    assert [text.get_text() for text in axes.texts] == [f"{result['per_class'][emotion]['f1']:.2f}" for emotion in EMOTIONS]


def test_bars_carry_their_intervals(result: dict[str, Any]) -> None:
    axes = draw_per_class(result, "tiny").axes[0]
    ends = [segment[:, 1].tolist() for lines in axes.collections if isinstance(lines, LineCollection) for segment in lines.get_segments()]
    assert ends == [pytest.approx(result["ci95"][f"{emotion}_{name}"]) for name in ("precision", "recall", "f1") for emotion in EMOTIONS]


def test_bars_can_be_drawn_without_intervals(result: dict[str, Any]) -> None:
    bare = {name: value for name, value in result.items() if name != "ci95"}
    assert len(draw_per_class(bare, "tiny").axes[0].containers) == 3


def test_reliability_bins_hold_what_loops_find(answers: tuple[Array, Array]) -> None:
    probabilities, truth = answers
    bins = reliability(probabilities, truth)
    assert bins.count.sum() == COUNT
    for number in range(15):
        inside = [(row, k) for row, k in zip(probabilities, truth, strict=True) if number / 15 < max(row) <= (number + 1) / 15]
        assert bins.count[number] == len(inside)
        if inside:
            assert bins.confidence[number] == pytest.approx(np.mean([max(row) for row, _ in inside]))
            assert bins.accuracy[number] == pytest.approx(np.mean([row.argmax() == k for row, k in inside]))
        else:
            assert np.isnan(bins.accuracy[number])


def test_reliability_bins_give_the_calibration_error(answers: tuple[Array, Array], result: dict[str, Any]) -> None:
    bins = reliability(*answers)
    gaps = np.nan_to_num(np.abs(bins.accuracy - bins.confidence))
    assert float(gaps @ bins.count) / COUNT == pytest.approx(result["ece"], abs=1e-6)


def test_reliability_diagram_hides_bins_of_few_images(answers: tuple[Array, Array], result: dict[str, Any]) -> None:
    bins = reliability(*answers)
    upper, lower = draw_reliability(bins, bins, result, "tiny").axes
    shown = np.asarray(upper.lines[-1].get_ydata())
    assert len(shown) == (bins.count >= FEW).sum() < (bins.count > 0).sum()
    assert [bar.get_height() for bar in lower.patches if isinstance(bar, Rectangle)] == pytest.approx((bins.count / COUNT).tolist())


def with_certainty(package: Path, threshold: float = 0.5) -> None:
    """Make the images of the package a validation split, measured with a certainty."""
    predictions = read_predictions(package / "predictions.parquet")
    predictions.members["validation"] = predictions.members.pop("train")
    write_predictions(package / "predictions.parquet", predictions)
    metrics = json.loads((package / "metrics.json").read_text())
    (package / "metrics.json").write_text(json.dumps(metrics | {"splits": {}, "certainty": summarize(predictions, threshold)}))


def test_certainty_is_drawn_alone_or_with_all(package: Path) -> None:
    with_certainty(package)
    (package / "figures").mkdir()
    (package / "figures" / "confusion_test.png").write_bytes(b"old")
    drawn = draw_certainty(package)
    assert [path.name for path in drawn] == ["risk_coverage.png", "risk_coverage.svg"]
    assert (package / "figures" / "confusion_test.png").read_bytes() == b"old"
    before = [path.read_bytes() for path in drawn]
    assert draw_all(package) == drawn
    assert [path.read_bytes() for path in drawn] == before


def test_package_measured_without_certainty_has_no_picture_of_it(package: Path) -> None:
    assert draw_certainty(package) == []
    assert not (package / "figures").exists()


def test_risk_and_coverage_are_those_of_the_curve_with_the_threshold_marked(answers: tuple[Array, Array]) -> None:
    curve = risk_coverage(*answers)
    left, right = draw_risk_coverage({"validation": curve}, 0.5, "tiny").axes
    line, mark = left.lines
    shown = curve.answered >= FEWEST
    assert np.asarray(line.get_xdata()).tolist() == curve.coverage[shown].tolist()
    assert np.asarray(line.get_ydata()).tolist() == curve.risk[shown].tolist()
    given = answers[0].max(axis=1) >= 0.5
    assert np.asarray(mark.get_xdata()).tolist() == [pytest.approx(given.mean())]
    assert np.asarray(mark.get_ydata()).tolist() == [pytest.approx(1 - (answers[0].argmax(axis=1) == answers[1])[given].mean())]
    coverage, accuracy, level, chosen = (np.asarray(line.get_ydata() if i < 3 else line.get_xdata()) for i, line in enumerate(right.lines))
    assert (coverage.tolist(), accuracy.tolist()) == (curve.coverage.tolist(), (1 - curve.risk[shown]).tolist())
    assert (set(level), set(chosen)) == ({LEVEL}, {0.5})
    low = min(np.asarray(path.vertices)[:, 1].min() for path in right.collections[0].get_paths())
    assert low == pytest.approx(min(lower_bound(round((1 - r) * n), n) for r, n in zip(curve.risk[shown], curve.answered[shown].tolist(), strict=True)))


def test_threshold_that_nothing_reaches_has_no_mark(answers: tuple[Array, Array]) -> None:
    left, _ = draw_risk_coverage({"validation": risk_coverage(*answers)}, 1.0, "tiny").axes
    assert len(left.lines) == 1


def test_learning_curves_show_history(package: Path) -> None:
    loss, accuracy = draw_learning_curves(history()).axes
    for axes, column in ((loss, "loss"), (accuracy, "accuracy")):
        for line, prefix in zip(axes.lines, ("", "val_"), strict=True):
            assert np.asarray(line.get_ydata()).tolist() == [row[prefix + column] for row in history()]
        assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()


def test_drawing_leaves_pyplot_alone(result: dict[str, Any], tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    save(draw_confusion(result, "tiny"), tmp_path / "x")
    assert plt.get_fignums() == []
