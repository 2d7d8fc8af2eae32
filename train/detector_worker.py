"""Runs one face detector on many images, in a process of its own: `python -m train.detector_worker`.

Reads a request as JSON from standard input and prints the answer as JSON, as `runtime_worker`
does: MTCNN and dlib are not among the project's requirements and may lie in another environment
(pip install mtcnn tensorflow dlib-bin face_recognition_models). To add a detector, add a line to
`DETECTORS`.
"""

import json
import logging
import math
import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from train.runtime_worker import installed_megabytes

Image = npt.NDArray[np.uint8]
# Of each face the box (x, y, width, height) in pixels and by how many degrees it is turned clockwise; 0 if the detector does not say.
Found = list[tuple[float, float, float, float, float]]
Find = Callable[[Image], Found]

_SERVING = ("numpy", "onnxruntime", "opencv-contrib-python-headless", "pillow")
_CHIP = 100  # side in pixels of the chip that dlib is asked to describe; it does not change where the chip lies


def _open_ours(name: str) -> Find:
    from fersys.alignment import angle_of
    from fersys.detectors import open_detector

    detector = open_detector(name)
    return lambda image: [(*found.box, angle_of(found.landmarks)) for found in detector.find(image)]


def _open_unchecked() -> Find:
    from fersys.alignment import angle_of
    from fersys.detectors import blazeface
    from fersys.networks import open_weights

    network = blazeface.BlazeFace(open_weights(blazeface.FULL.weights), blazeface.FULL)
    return lambda image: [(*found.box, angle_of(found.landmarks)) for found in network.find(image)]


def _open_mtcnn() -> Find:
    logging.disable(logging.WARNING)
    detector = import_module("mtcnn").MTCNN(device="CPU:0")
    return lambda image: [(*found["box"], 0.0) for found in detector.detect_faces(image)]


def _open_hog(enlarged: int) -> Find:
    detector = import_module("dlib").get_frontal_face_detector()
    return lambda image: [_upright(box) for box in detector(image, enlarged)]


def _open_dlib_cnn() -> Find:
    detector = import_module("dlib").cnn_face_detection_model_v1(_dlib_file("mmod_human_face_detector.dat"))
    return lambda image: [_upright(found.rect) for found in detector(image, 0)]


def _open_aligner() -> Find:
    """The squares, turned, that dlib's `get_face_chip` cuts at a padding of 0: those that fit its five points best."""
    dlib = import_module("dlib")
    detector, points = dlib.get_frontal_face_detector(), dlib.shape_predictor(_dlib_file("shape_predictor_5_face_landmarks.dat"))

    def find(image: Image) -> Found:
        chips = [dlib.get_face_chip_details(points(image, box), size=_CHIP, padding=0.0) for box in detector(image, 0)]
        return [(*_upright(chip.rect)[:4], math.degrees(chip.angle)) for chip in chips]

    return find


def _upright(box: Any) -> tuple[float, float, float, float, float]:
    return box.left(), box.top(), box.width(), box.height(), 0.0


def _dlib_file(name: str) -> str:
    """The path of a file of face_recognition_models, which is not imported: it asks for an old setuptools."""
    spec = find_spec("face_recognition_models")
    if spec is None:
        raise ModuleNotFoundError("No module named 'face_recognition_models'")
    return str(Path((spec.submodule_search_locations or [""])[0]) / "models" / name)


@dataclass(frozen=True)
class Tool:
    """A detector that can be tried.

    Attributes:
        open: opens it; raises ImportError if it is not installed.
        distributions: what must be installed for it beside what serving needs, without their own requirements.
        weights: names in `fersys.networks.HASHES` of what it takes from there.
    """

    open: Callable[[], Find]
    distributions: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()


DETECTORS: dict[str, Tool] = {
    "blazeface": Tool(lambda: _open_ours("blazeface"), weights=("blazeface-full", "face-mesh")),
    "blazeface-short": Tool(lambda: _open_ours("blazeface-short"), weights=("blazeface-short", "face-mesh")),
    "blazeface-back": Tool(lambda: _open_ours("blazeface-back"), weights=("blazeface-back", "face-mesh")),
    "haar": Tool(lambda: _open_ours("haar")),
    "full range alone": Tool(_open_unchecked, weights=("blazeface-full",)),
    "MTCNN": Tool(_open_mtcnn, ("mtcnn", "tensorflow")),
    "dlib HOG": Tool(lambda: _open_hog(0), ("dlib-bin",)),
    "dlib HOG, enlarged": Tool(lambda: _open_hog(1), ("dlib-bin",)),
    "dlib HOG, 5 points": Tool(_open_aligner, ("dlib-bin", "face_recognition_models")),
    "dlib CNN": Tool(_open_dlib_cnn, ("dlib-bin", "face_recognition_models")),
}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Find faces in images and time it.

    Args:
        request: `detector`, a key of `DETECTORS`; `folder`, with RGB uint8 (H, W, 3) images as .npy;
            `timed`, the name of the one to time, or null; `rounds`, how often.

    Returns:
        `found`: `Found` by file name, in pixels and degrees, rounded to tenths; `ms`: the least processor
        time on `timed`, null if nothing is timed; `install_mb`.
    """
    tool = DETECTORS[request["detector"]]
    one_thread()
    find = tool.open()
    paths = {path.stem: path for path in sorted(Path(request["folder"]).glob("*.npy"))}
    return {
        "found": {name: [[round(float(value), 1) for value in box] for box in find(np.load(path))] for name, path in paths.items()},
        "ms": _least_time(find, np.load(paths[request["timed"]]), request["rounds"]) if request["timed"] else None,
        "install_mb": round(sum(map(installed_megabytes, beside(tool.distributions))) + _weights_megabytes(tool.weights), 1),
    }


def _least_time(find: Find, image: Image, rounds: int) -> float:
    """Processor time, as other work on the machine would lengthen the time by the clock: with one thread they are equal on a quiet one."""
    return round(min(_processor_milliseconds(find, image) for _ in range(rounds)), 2)


def _processor_milliseconds(find: Find, image: Image) -> float:
    began = time.process_time()
    find(image)
    return 1000 * (time.process_time() - began)


def _weights_megabytes(names: tuple[str, ...]) -> float:
    from fersys.networks import FOLDER

    return sum((FOLDER / f"{name}.onnx").stat().st_size for name in names) / 1e6


def beside(distributions: Iterable[str]) -> set[str]:
    """Return what is installed for distributions, theirs and so on included, that serving does not need anyway."""
    return _with_requirements(distributions) - _with_requirements(_SERVING)


def _with_requirements(names: Iterable[str]) -> set[str]:
    known: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name not in known and (needed := _requirements(name)) is not None:
            known.add(name)
            waiting += needed
    return known


def _requirements(name: str) -> list[str] | None:
    """What a distribution asks for, extras left out; None if it is not installed."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return None
    return [found[0] for line in lines if "extra ==" not in line and (found := re.match(r"[\w.-]+", line))]


def one_thread() -> None:
    """Keep OpenCV to one thread. The asker sets the variables that the other libraries read when they start."""
    import cv2

    cv2.setNumThreads(1)


if __name__ == "__main__":
    print(json.dumps(answer(json.load(sys.stdin))))
