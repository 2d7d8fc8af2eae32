"""The worker that runs one detector: its protocol, what it counts as installed, and what the detectors of other libraries are asked."""

import json
import logging
import math
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

import fersys.detectors
from fersys.networks import FOLDER
from train import detector_worker
from train.detector_worker import DETECTORS, Image, Tool, answer, beside

ROOT = Path(__file__).parent.parent
IMAGE = np.zeros((4, 5, 3), np.uint8)


def request_of(folder: Path, detector: str, timed: str | None = None) -> dict[str, Any]:
    return {"detector": detector, "folder": str(folder), "timed": timed, "rounds": 2}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Image]:
    """Images "a" and "b" in a folder, and what a detector "fake" was shown of them; it answers with a box as wide as the image."""
    shown: list[Image] = []

    def find(image: Image) -> list[tuple[float, float, float, float, float]]:
        shown.append(image)
        return [(0.04, 1.06, image.shape[1], float(np.float32(2.25)), -3.14)] if image.any() else []

    np.save(tmp_path / "a.npy", np.full((2, 7, 3), 9, np.uint8))
    np.save(tmp_path / "b.npy", IMAGE)
    monkeypatch.setitem(DETECTORS, "fake", Tool(lambda: find))
    return shown


def test_boxes_are_told_by_name_in_tenths_and_can_be_written_as_json(asked: list[Image], tmp_path: Path) -> None:
    found = json.loads(json.dumps(answer(request_of(tmp_path, "fake"))))
    assert found == {"found": {"a": [[0.0, 1.1, 7.0, 2.2, -3.1]], "b": []}, "ms": None, "install_mb": 0.0}
    assert [image.shape for image in asked] == [(2, 7, 3), (4, 5, 3)]
    assert (asked[0] == 9).all()


def test_the_least_processor_time_on_the_named_image_is_told(asked: list[Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 10.005, 20.0, 20.003004, 30.0, 30.004])
    monkeypatch.setattr(detector_worker, "time", SimpleNamespace(process_time=lambda: next(clock)))
    assert answer(request_of(tmp_path, "fake", timed="b") | {"rounds": 3})["ms"] == 3.0
    assert [image.shape for image in asked[2:]] == [IMAGE.shape] * 3


def test_weights_of_ours_and_installed_packages_are_weighed(asked: list[Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_worker, "installed_megabytes", {"one": 10.0, "two": 0.5}.get)
    monkeypatch.setattr(detector_worker, "beside", lambda given: {"one", "two"} if given == ("named",) else set())
    opened = DETECTORS["fake"].open
    monkeypatch.setitem(DETECTORS, "fake", Tool(opened, ("named",), ("face-mesh",)))
    mesh = (FOLDER / "face-mesh.onnx").stat().st_size / 1e6
    assert mesh > 1
    assert answer(request_of(tmp_path, "fake"))["install_mb"] == round(10.5 + mesh, 1)


def test_what_serving_has_anyway_is_not_beside() -> None:
    found = beside(["scikit-image"])
    assert {"scikit-image", "scipy", "networkx"} <= found
    assert not found & {"numpy", "pillow", "packaging", "pytest"}  # pytest is an extra of it


def test_requirements_of_requirements_are_followed_under_any_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"top": ["Middle_Part>=1; python_version > '3'", "absent", 'spare; extra == "more"'], "middle-part": ["Top", "leaf.part [x] (>2)"]}
    known |= {"leaf-part": [], "spare": [], "numpy": []}

    def requires(name: str) -> list[str] | None:
        if name not in known:
            raise PackageNotFoundError(name)
        return known[name] or None

    monkeypatch.setattr(detector_worker, "requires", requires)
    assert beside(["TOP", "NumPy"]) == {"top", "middle-part", "leaf-part"}


def test_what_is_not_installed_needs_nothing() -> None:
    assert beside(["no-such-distribution"]) == set()


def test_every_detector_of_ours_can_be_tried() -> None:
    assert set(fersys.detectors.DETECTORS) <= set(DETECTORS)


def worked(request: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "train.detector_worker"]
    return subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, cwd=ROOT, check=False)


def test_in_a_process_of_its_own_haar_finds_the_astronaut(astronaut: Image, tmp_path: Path) -> None:
    np.save(tmp_path / "astronaut.npy", astronaut)
    np.save(tmp_path / "blank.npy", np.full_like(astronaut, 90))
    said = json.loads(worked(request_of(tmp_path, "haar", timed="blank")).stdout)
    (x, y, width, height, angle), *others = said["found"]["astronaut"]
    assert not others
    assert x < 224 < x + width < 320
    assert y < 120 < y + height < 200
    assert angle == 0
    assert said["found"]["blank"] == []
    assert said["ms"] > 0


@pytest.mark.parametrize("name", ["blazeface", "full range alone"])
def test_networks_of_ours_say_by_how_much_a_face_leans(name: str, astronaut: Image, tmp_path: Path) -> None:
    turned = cv2.warpAffine(astronaut, cv2.getRotationMatrix2D((224, 120), -20, 1), (512, 512), borderMode=cv2.BORDER_REPLICATE)  # clockwise
    np.save(tmp_path / "upright.npy", astronaut)
    np.save(tmp_path / "turned.npy", turned)
    found = answer(request_of(tmp_path, name))["found"]
    assert found["turned"][0][4] - found["upright"][0][4] == pytest.approx(20, abs=4)


def test_an_unknown_detector_fails_and_is_named_last(tmp_path: Path) -> None:
    done = worked(request_of(tmp_path, "cake"))
    assert done.returncode
    assert "cake" in done.stderr.splitlines()[-1]


def rectangle(left: float, top: float, width: float, height: float) -> Any:
    """A box as dlib has it."""
    return SimpleNamespace(left=lambda: left, top=lambda: top, width=lambda: width, height=lambda: height)


@pytest.fixture
def dlib(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A dlib that finds two faces and notes what it was asked."""
    asked: list[Any] = []

    def detect(_image: Image, enlarged: int) -> list[Any]:
        asked.append(enlarged)
        return [rectangle(1, 2, 30, 40), rectangle(5, 6, 7, 8)]

    def describe(points: tuple[str, Any], size: int, padding: float) -> Any:
        asked.append((points[0], padding))
        return SimpleNamespace(rect=rectangle(points[1].left() + 0.5, 2, 20, 20), angle=math.pi / 6, rows=size)

    module = SimpleNamespace(
        get_frontal_face_detector=lambda: detect,
        shape_predictor=lambda path: lambda _image, box: (Path(path).name, box),
        get_face_chip_details=describe,
        cnn_face_detection_model_v1=lambda path: lambda _image, enlarged: [SimpleNamespace(rect=rectangle(enlarged, 9, 9, 9))] * path.endswith(".dat"),
    )
    monkeypatch.setitem(sys.modules, "dlib", module)
    monkeypatch.setattr(detector_worker, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[f"/installed/{name}"]))
    return asked


@pytest.mark.parametrize(("name", "enlarged"), [("dlib HOG", 0), ("dlib HOG, enlarged", 1)])
def test_dlib_s_boxes_are_upright(name: str, enlarged: int, dlib: list[Any]) -> None:
    assert DETECTORS[name].open()(IMAGE) == [(1, 2, 30, 40, 0), (5, 6, 7, 8, 0)]
    assert dlib == [enlarged]


def test_dlib_s_aligner_tells_the_turned_square_that_it_would_cut(dlib: list[Any]) -> None:
    first, second = DETECTORS["dlib HOG, 5 points"].open()(IMAGE)
    assert first == pytest.approx((1.5, 2, 20, 20, 30))
    assert second == pytest.approx((5.5, 2, 20, 20, 30))
    assert dlib == [0, *[("shape_predictor_5_face_landmarks.dat", 0.0)] * 2]


def test_dlib_s_network_is_opened_from_its_file(dlib: list[Any]) -> None:
    assert DETECTORS["dlib CNN"].open()(IMAGE) == [(0, 9, 9, 9, 0)]
    assert dlib == []


@pytest.mark.usefixtures("dlib")
def test_a_missing_file_of_dlib_is_told_by_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_worker, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match="face_recognition_models"):
        DETECTORS["dlib CNN"].open()


def test_mtcnn_s_boxes_are_taken_from_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [{"box": [1, 2, 3, 4], "confidence": 0.9}]
    monkeypatch.setitem(sys.modules, "mtcnn", SimpleNamespace(MTCNN=lambda device: SimpleNamespace(detect_faces=lambda _: answers * device.startswith("CPU"))))
    monkeypatch.setattr(logging, "disable", lambda _: None)
    assert DETECTORS["MTCNN"].open()(IMAGE) == [(1, 2, 3, 4, 0)]
