"""The pictures of all models: their content, read back from the drawn figures, and the files."""

from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from fersys.labels import EMOTIONS
from tests.made_arms import RESAMPLES, make_arm, predictions
from train.arms import ABOUT, AS_PUBLISHED, Arm, find_arms
from train.compare_figures import (
    draw_class_accuracy,
    draw_comparison,
    draw_confusions,
    draw_contamination,
    draw_histories,
    draw_precision_recall,
    draw_reliabilities,
    draw_risks,
    draw_robustness,
    shown_split,
    styles,
)
from train.comparison import compare

ROBUSTNESS = {
    "split": "validation",
    "images": 70,
    "seed": 0,
    "corruptions": {"blur": {"unit": "sigma", "strengths": [0.5, 1.0]}, "JPEG": {"unit": "quality", "strengths": [50, 30]}},
    "models": {"fersys-cnn": {"images": 70, "clean": 0.7, "accuracy": {"blur": [0.6, 0.5], "JPEG": [0.65, 0.64]}}},
}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[Arm]]:
    folder = tmp_path_factory.mktemp("compared")
    make_arm(folder / "models", "fersys-cnn", predictions(0, skill=2), temperature=1.3, history=5)
    make_arm(folder / "models", "fersys-cnn-paper", predictions(1), history=3)
    make_arm(folder / "reports" / "records", AS_PUBLISHED, predictions(2, skill=0.5, memory=3), serving_megabytes=6.0)
    content = compare(folder / "models", folder / "reports", RESAMPLES)
    return content, find_arms(folder / "models", folder / "reports" / "records")


def named_lines(axes: Axes) -> dict[str, list[float]]:
    return {str(line.get_label()): np.asarray(line.get_ydata()).tolist() for line in axes.lines}


def test_a_model_is_drawn_alike_whichever_others_are_there() -> None:
    assert styles(["fersys-cnn", AS_PUBLISHED])[AS_PUBLISHED] == styles([AS_PUBLISHED])[AS_PUBLISHED]
    assert list(styles(["b", "a"])) == ["b", "a"]


def test_models_differ_in_colour_marker_and_hatch_and_stand_out_from_white() -> None:
    all_styles = list(styles(list(ABOUT)).values())
    for kind in ("colour", "marker", "hatch", "line"):
        assert len({getattr(style, kind) for style in all_styles}) == len(all_styles), kind
    for style in all_styles:
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(style.colour)]
        assert 1.05 / (float(np.dot(linear, [0.2126, 0.7152, 0.0722])) + 0.05) > 2.5, style.colour


def test_every_picture_is_written_as_png_and_svg_and_old_ones_go(compared: tuple[dict[str, Any], list[Arm]], tmp_path: Path) -> None:
    (tmp_path / "old.png").touch()
    (tmp_path / "old.svg").touch()
    drawn = draw_comparison(compared[0] | {"robustness": ROBUSTNESS}, compared[1], tmp_path)
    names = {"system", "contamination", "class_accuracy", "precision_recall", "confusion", "learning_curves", "reliability", "risk_coverage", "robustness"}
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.{end}" for name in names for end in ("png", "svg")} == {path.name for path in drawn}
    for path in tmp_path.glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_same_figures_give_the_same_files(compared: tuple[dict[str, Any], list[Arm]], tmp_path: Path) -> None:
    once, again = (draw_comparison(*compared, tmp_path / name) for name in ("a", "b"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


def test_pictures_without_figures_are_left_out(compared: tuple[dict[str, Any], list[Arm]], tmp_path: Path) -> None:
    make_arm(tmp_path / "models", "alone", predictions())
    content = compare(tmp_path / "models", tmp_path / "reports", RESAMPLES)
    drawn = draw_comparison(content, find_arms(tmp_path / "models", tmp_path / "none"), tmp_path / "figures")
    assert {path.stem for path in drawn}.isdisjoint({"learning_curves", "robustness"})
    assert draw_histories([]) is draw_robustness(None) is None


def test_test_is_shown_only_if_every_model_was_measured_on_it(compared: tuple[dict[str, Any], list[Arm]]) -> None:
    models = compared[0]["models"]
    assert shown_split(compared[0]) == "test"
    assert shown_split({"models": [*models, {"splits": {"validation": {}}}]}) == "validation"


def test_lines_show_recall(compared: tuple[dict[str, Any], list[Arm]]) -> None:
    models = compared[0]["models"]
    (axes,) = draw_class_accuracy(models, "test").axes
    assert named_lines(axes) == {one["model"]: [one["splits"]["test"]["per_class"][name]["recall"] for name in EMOTIONS] for one in models}
    assert [label.get_text().split("\n")[0] for label in axes.get_xticklabels()] == list(EMOTIONS)


def test_bars_show_precision_above_recall_model_beside_model(compared: tuple[dict[str, Any], list[Arm]]) -> None:
    models = compared[0]["models"]
    for axes, kind in zip(draw_precision_recall(models, "test").axes, ("precision", "recall"), strict=True):
        assert axes.get_ylabel() == kind
        for bars, one in zip(axes.containers, models, strict=True):
            assert bars.get_label() == one["model"]
            assert [bar.get_height() for bar in bars] == [one["splits"]["test"]["per_class"][name][kind] for name in EMOTIONS]
        edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bars in axes.containers for bar in bars)
        assert all(left[1] <= right[0] + 1e-9 for left, right in pairwise(edges))


def test_confusion_has_a_panel_a_model_with_shares_of_the_truth(compared: tuple[dict[str, Any], list[Arm]]) -> None:
    models = compared[0]["models"]
    for axes, one in zip(draw_confusions(models, "test").axes, models, strict=True):
        counts = np.array(one["splits"]["test"]["confusion_matrix"])
        assert one["model"] in axes.get_title()
        np.testing.assert_allclose(np.asarray(axes.images[0].get_array()), counts / counts.sum(axis=1, keepdims=True))


def test_learning_curves_have_a_panel_a_model_that_was_trained(compared: tuple[dict[str, Any], list[Arm]]) -> None:
    figure = draw_histories(compared[1])
    assert figure is not None
    assert [axes.get_title().split(":")[0] for axes in figure.axes] == ["fersys-cnn", "fersys-cnn-paper"]
    assert {len(line) for line in named_lines(figure.axes[0]).values()} == {5}


def test_reliability_names_both_errors(compared: tuple[dict[str, Any], list[Arm]]) -> None:
    content, arms = compared
    for axes, one in zip(draw_reliabilities(content["models"], arms, "test").axes, content["models"], strict=True):
        errors = one["calibration"]["splits"]["test"]
        labels = [str(line.get_label()) for line in axes.lines[1:]]
        assert labels == [f"without: ECE {errors['before']['ece']:.3f}", f"T = {one['calibration']['temperature']:.2f}: ECE {errors['after']['ece']:.3f}"]


def test_risks_end_at_the_share_of_wrong_answers(compared: tuple[dict[str, Any], list[Arm]]) -> None:
    (axes,) = draw_risks(compared[1], "test").axes
    ends = [risks[-1] for risks in named_lines(axes).values()]
    assert ends == pytest.approx([1 - one["splits"]["test"]["accuracy"] for one in compared[0]["models"]])


def test_robustness_begins_with_images_as_they_are() -> None:
    figure = draw_robustness(ROBUSTNESS)
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes] == ["blur", "JPEG"]
    assert named_lines(figure.axes[0]) == {"fersys-cnn": [0.7, 0.6, 0.5]}
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["none", "50", "30"]


def test_contamination_marks_what_was_seen_and_what_was_claimed(compared: tuple[dict[str, Any], list[Arm]]) -> None:
    content = compared[0]
    (axes,) = draw_contamination(content).axes
    marks = {str(line.get_label()): np.asarray(line.get_xdata()).tolist() for line in axes.lines}
    rows = list(reversed(content["contamination"]["rows"]))
    assert marks["Training: seen"] == [row["train"] for row in rows]
    assert next(values for label, values in marks.items() if "simulated" in label) == [row["paper_28821"]["mean"] for row in rows]
    assert marks["DeepFace as the paper says: 0.82"] == [0.82, 0.82]
    assert "test without any near twin" not in marks  # was not measured here
    assert [label.get_text() for label in axes.get_yticklabels()] == [row["model"] for row in rows]
