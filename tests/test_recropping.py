"""Faces placed in canvases and found again: the geometry, what is counted, and the report."""

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import fersys.detectors
from fersys.alignment import Square, angle_of, view
from fersys.detectors.base import Detection, Framing
from fersys.errors import ModelError
from fersys.results import Image
from tests.made_run import made_data
from train import recropping
from train.data import Split
from train.recropping import Placed, Trial, equalize, measure_framing, place, run_alignment, scatter, seek, write_report

Gray = npt.NDArray[np.uint8]
MIDDLE = (160.0, 160.0)
SIDE, MOVE = 192, 24  # of the frame in the canvas, in pixels, and by how much it is moved at most


class Counting:
    """A model that answers with the class `of` says, and keeps the crops that it was given."""

    name, title, certainty = "counting", "Counting", 0.0

    def __init__(self, of: Callable[[Image], int]) -> None:
        self._of, self.given = of, list[Image]()

    def predict(self, crops: Sequence[Image]) -> npt.NDArray[np.float32]:
        self.given += crops
        return np.eye(7, dtype=np.float32)[[self._of(crop) for crop in crops]] if len(crops) else np.zeros((0, 7), np.float32)


@pytest.fixture
def face(astronaut: Image) -> Gray:
    """The astronaut's face as FER2013 would have cut it: uint8 (48, 48)."""
    return np.asarray(cv2.cvtColor(view(astronaut, Square(222, 120, 110), 48), cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def answering(boxes: Sequence[Sequence[float]]) -> Callable[[dict[str, Any], str], dict[str, Any]]:
    """A worker that finds the same boxes in every image."""
    return lambda request, _: {"found": {path.stem: boxes for path in Path(request["folder"]).glob("*.npy")}}


def correlation(one: npt.NDArray[Any], other: Gray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize(("angle", "place_of_dot"), [(0, (48, 0)), (90, (0, 48)), (-90, (0, -48)), (30, (48 * math.cos(math.pi / 6), 24))])
def test_a_placed_face_is_four_times_as_large_and_turned_clockwise(angle: float, place_of_dot: tuple[float, float]) -> None:
    image = np.zeros((48, 48), np.uint8)
    image[22:26, 34:38] = 255  # 12 pixels to the right of the middle
    canvas = place(image, angle, (150.0, 170.5)).canvas
    assert (canvas.shape, canvas.dtype.name) == ((320, 320, 3), "uint8")
    rows, columns = np.nonzero(canvas[..., 0] > 127)
    assert (columns.mean() + 0.5 - 150, rows.mean() + 0.5 - 170.5) == pytest.approx(place_of_dot, abs=0.5)
    assert len(rows) == pytest.approx(16 * 16, abs=20)


def test_the_border_of_a_placed_face_is_repeated_outwards() -> None:
    image = np.full((48, 48), 40, np.uint8)
    image[:, -1] = 200
    canvas = place(image, 0, MIDDLE).canvas
    assert (canvas[:, 300:] == 200).all()
    assert (canvas[:, :200] == 40).all()


@pytest.mark.parametrize("angle", [0, 17, -30])
def test_cutting_what_was_placed_gives_it_back(angle: float, face: Gray) -> None:
    placed = place(face, angle, (150.0, 165.0))
    assert placed.middle == (150.0, 165.0)
    again = view(placed.canvas, Square(150, 165, SIDE, angle), 48)[..., 0]
    assert correlation(again, face) > 0.98
    mirrored = view(placed.canvas, Square(150, 165, SIDE, -angle), 48)[..., 0]
    assert angle == 0 or correlation(mirrored, face) < 0.9


def test_faces_are_scattered_the_same_way_each_time_and_turned_to_both_sides(face: Gray) -> None:
    def scattered(angle: float) -> list[Placed]:
        return list(scatter(np.stack([face] * 12), angle))

    for one, again in zip(scattered(30), scattered(30), strict=True):
        np.testing.assert_array_equal(one.canvas, again.canvas)
    middles = np.array([one.middle for one in scattered(30)])
    assert (np.abs(middles - 160) <= MOVE).all()
    assert (np.ptp(middles, axis=0) > MOVE / 2).all()
    np.testing.assert_array_equal(middles, [one.middle for one in scattered(0)])
    leaning = {
        sign for one in scattered(30) for sign in (-1, 1) if correlation(view(one.canvas, Square(*one.middle, SIDE, 30 * sign), 48)[..., 0], face) > 0.97
    }
    assert leaning == {-1, 1}


def test_equalising_spreads_the_values_evenly() -> None:
    image = np.repeat(np.array([[100, 101, 110, 111]], np.uint8), 4, axis=0)
    assert sorted(set(equalize(image).ravel().tolist())) == [0, 85, 170, 255]


def test_the_largest_box_that_holds_the_middle_is_the_face(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [[10, 10, 300, 300, 0], [100, 100, 90, 90, 5], [90, 95, 120, 120, -30], [0, 0, 159, 320, 0], [170, 170, 140, 140, 0]]
    monkeypatch.setattr(recropping, "ask", answering(boxes[1:]))
    (found,) = seek([place(np.zeros((48, 48), np.uint8), 0, MIDDLE)], "any")
    assert found is not None
    assert found.box == (90.0, 95.0, 120.0, 120.0)
    assert angle_of(found.landmarks) == pytest.approx(-30, abs=1e-3)


@pytest.mark.parametrize("box", [[0, 0, 160, 320], [160, 0, 160, 320], [0, 0, 320, 160], [0, 160, 320, 160]])
def test_a_box_that_ends_before_the_middle_is_no_face(box: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recropping, "ask", answering([[*box, 0]]))
    assert seek([place(np.zeros((48, 48), np.uint8), 0, MIDDLE)], "any") == [None]


def test_faces_keep_their_order_and_the_worker_is_told_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(request: dict[str, Any], python: str) -> dict[str, Any]:
        assert (request["detector"], request["timed"], python) == ("any", None, "other-python")
        images = {path.stem: np.load(path) for path in Path(request["folder"]).glob("*.npy")}
        return {"found": {name: [[0, 0, 200 + int(image[0, 0, 0]), 300, 0]] for name, image in images.items()}}

    monkeypatch.setattr(recropping, "ask", ask)
    found = seek([place(np.full((48, 48), value, np.uint8), 0, MIDDLE) for value in range(12)], "any", "other-python")
    assert [one.box[2] for one in found if one] == [200 + value for value in range(12)]


def test_haar_finds_a_placed_face_again(face: Gray) -> None:
    upright, blank = seek([place(face, 0, (150.0, 165.0)), place(np.zeros((48, 48), np.uint8), 0, MIDDLE)], "haar")
    assert upright is not None
    assert blank is None
    x, y, width, height = upright.box
    assert (x + width / 2, y + height / 2) == pytest.approx((150, 165), abs=30)
    assert SIDE / 2 < width < 1.5 * SIDE


@pytest.mark.parametrize(
    ("box", "down"),
    [
        ([80, 90, 160, 160, 0], -10 / 160),  # its centre lies 10 pixels below the frame's
        ([90, 80, 160, 160, 0], 0),  # and to the right of it
        ([90, 80, 160, 160, 90], 10 / 160),  # a face turned clockwise has its chin on the left
        ([90, 80, 160, 160, -90], -10 / 160),
        ([80, 110, 160, 120, 0], -10 / 160),  # the longer side counts
    ],
)
def test_framing_is_measured_along_the_face_in_sides_of_the_box(box: list[float], down: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recropping, "ask", answering([box]))
    measured = measure_framing(np.zeros((3, 48, 48), np.uint8), "any")
    assert measured == {"detector": "any", "images": 3, "found": 3, "scale": SIDE / 160, "down": pytest.approx(down, abs=1e-3)}


def test_framing_is_the_median_over_the_faces_that_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    widths = [150, 160, 300, 0]

    def ask(request: dict[str, Any], _: str) -> dict[str, Any]:
        paths = Path(request["folder"]).glob("*.npy")
        return {"found": {path.stem: [[10, 10, width, width, 0]] * (width > 0) for path in paths for width in [widths[int(np.load(path)[0, 0, 0])]]}}

    monkeypatch.setattr(recropping, "ask", ask)
    monkeypatch.setattr(recropping, "_CHUNK", 2)
    images = np.stack([np.full((48, 48), value, np.uint8) for value in range(4)])
    measured = measure_framing(images, "any")
    assert (measured["images"], measured["found"]) == (4, 2)  # a box of 150 ends at the middle
    assert measured["scale"] == pytest.approx(np.median([SIDE / 160, SIDE / 300]), abs=1e-3)


def test_a_detector_that_finds_nothing_has_no_framing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recropping, "ask", answering([]))
    assert measure_framing(np.zeros((2, 48, 48), np.uint8), "any") == {"detector": "any", "images": 2, "found": 0, "scale": 0.0, "down": 0.0}


def detection(angle: float, side: float = SIDE) -> Detection:
    lean = math.radians(angle)
    return Detection((160 - side / 2, 160 - side / 2, side, side), 1.0, np.array([[0, 0], [math.cos(lean), math.sin(lean)]], np.float32))


def test_a_model_is_asked_about_each_form_of_the_faces_that_were_found(face: Gray) -> None:
    model = Counting(lambda crop: int(correlation(cv2.resize(crop, (48, 48))[..., 0], face) > 0.97))
    placed = [place(face, 25, MIDDLE), place(face, 0, MIDDLE), place(face, 25, MIDDLE)]
    answers = recropping._answers(model, placed, [detection(25), None, detection(0)], Framing(1.0))
    assert answers[:2].tolist() == [[0, -1, 0], [1, -1, 0]]  # not aligned, aligned: the third is not known to lean
    upright, level, equalised = model.given[0], model.given[2], model.given[4]
    assert upright.shape == level.shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(equalised[..., 0], equalize(level[..., 0]))


def test_without_any_face_nothing_is_answered(face: Gray) -> None:
    answers = recropping._answers(Counting(len), [place(face, 0, MIDDLE)], [None], Framing(1.0))
    assert answers.tolist() == [[-1], [-1], [-1]]


def test_a_row_counts_lost_faces_apart(face: Gray, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = np.array([[3, -1, 3, 0, 3], [3, -1, 0, 3, 3], [0, -1, 0, 0, 3]])
    answers = iter([forms[:, :2], forms[:, 2:4], forms[:, 4:]])
    monkeypatch.setattr(recropping, "_CHUNK", 2)
    monkeypatch.setattr(recropping, "seek", lambda placed, *_: [None] * len(placed))
    monkeypatch.setattr(recropping, "_answers", lambda *_: next(answers))
    numbers = np.zeros(5, np.int64)
    split = Split(np.stack([face] * 5), np.full(5, 3), numbers, numbers)
    trial = Trial(split, Counting(len), np.array([True, True, False, True, False]), sys.executable)
    assert recropping._row(trial, "any", Framing(1.0), 10) == {
        "found": 0.8,
        "as_they_are": 0.5,
        "without": 0.75,
        "with": 0.75,
        "gained": 1,
        "lost": 1,
        "with_equalised": 0.25,
        "with_of_all": 0.6,
    }


def test_all_is_measured_on_validation_with_framings_from_training(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made_data(tmp_path_factory)
    framings: list[Framing] = []

    def ask(request: dict[str, Any], python: str) -> dict[str, Any]:
        if "dlib" in request["detector"]:
            raise ModelError("No module named 'dlib'")
        return answering([[80, 80, 160, 160, 0]])(request, python)

    def row(_trial: Trial, _detector: str, framing: Framing, _angle: float) -> dict[str, Any]:
        framings.append(framing)
        return {"found": 1.0}

    monkeypatch.setattr(recropping, "ask", ask)
    monkeypatch.setattr(recropping, "_row", row)
    monkeypatch.setattr(recropping, "_FRAMED", 4)
    # Sees the bar that tells the label, unless the histogram is equalised.
    model = Counting(lambda crop: (int(crop[:, 8:40, 0].mean(axis=1)[:45].argmax()) - 3) // 6 if crop.max() < 255 else 7 - 1)
    report = run_alignment(data, model, limit=10)
    wrong = int((data.split("validation", 10).labels == 6).sum())
    assert (report["model"], report["images"], report["as_they_are"], report["equalised"]) == ("counting", 10, 1.0, wrong / 10)
    assert [row.get("angle") for row in report["rows"]] == [*recropping.ANGLES, *recropping.ANGLES, None]
    assert report["rows"][-1] == {"detector": "dlib HOG, 5 points", "error": "No module named 'dlib'"}
    assert report["rows"][0]["framing"] == {"detector": "blazeface", "images": 4, "found": 4, "scale": 1.2, "down": 0.0}
    assert framings == [fersys.detectors.open_detector(name).framing for name in ("blazeface", "haar") for _ in recropping.ANGLES]


def test_model_is_asked_for_the_rows_of_the_detectors_that_run(face: Gray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recropping, "ask", answering([[64, 64, 192, 192, 10]]))
    numbers = np.zeros(3, np.int64)
    trial = Trial(Split(np.stack([face] * 3), numbers, numbers, numbers), Counting(lambda _: 0), np.array([True] * 3), sys.executable)
    rows = recropping._rows(trial, "dlib HOG, 5 points", np.stack([face] * 2))
    assert [row["angle"] for row in rows] == list(recropping.ANGLES)
    assert all((row["found"], row["with"], row["framing"]["scale"]) == (1.0, 1.0, 1.0) for row in rows)


REPORT: dict[str, Any] = {
    "model": "cnn",
    "images": 3589,
    "as_they_are": 0.682,
    "equalised": 0.671,
    "rows": [
        {
            "detector": "haar",
            "angle": 20,
            "framing": {"detector": "haar", "images": 1500, "found": 1228, "scale": 1.04, "down": -0.005},
            "found": 0.9,
            "as_they_are": 0.7004,
            "without": 0.61,
            "with": 0.62,
            "gained": 12,
            "lost": 3,
            "with_equalised": 0.6,
            "with_of_all": 0.55,
        },
        {"detector": "dlib HOG, 5 points", "error": "No module named 'dlib'"},
    ],
}


def test_table_figures_and_framings_are_written(tmp_path: Path) -> None:
    table = write_report(REPORT, tmp_path / "made")
    assert json.loads((tmp_path / "made/alignment.json").read_text()) == REPORT
    text = (tmp_path / "made/alignment.md").read_text()
    assert table in text
    assert "cnn on the first 3,589 images of validation: 0.682 as they are, 0.671 with" in text
    assert "- haar: 1.040 of the box, moved down by -0.005 of it; medians over the 1,228 faces found in 1,500.\n" in text
    head, _, first, second = table.splitlines()
    assert first == "| haar | 20° | 0.900 | 0.700 | 0.610 | 0.620 | +12 −3 | 0.600 | 0.550 |"
    assert second.startswith("| dlib HOG, 5 points | not measured: No module named 'dlib' |")
    assert head.count("|") == first.count("|") == second.count("|")


def test_the_framing_of_a_detector_is_told_once(tmp_path: Path) -> None:
    write_report(REPORT | {"rows": REPORT["rows"][:1] * 4}, tmp_path)
    assert (tmp_path / "alignment.md").read_text().count("1,228") == 1
