"""Which face detector finds what: recall, false alarms, speed and install weight, measured.

`python -m train detectors [--media FOLDER] [--python .../bin/python]`. Each detector runs in a
process of its own, `train.detector_worker`, with an interpreter that may belong to another
environment: its file says what is to be installed there. `marked_faces.json` says by file and frame where the faces of the trial media are:
the tip of each nose as read off the picture, and the side of the face, all ÷ width or height.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fersys.errors import DataError, ImageError, ModelError
from fersys.images import read_image
from fersys.results import Image
from train.atomic import write_json
from train.detector_worker import DETECTORS
from train.rivals import ONE_THREAD

MARKS = Path(__file__).with_name("marked_faces.json")
SIZES = (115, 57, 28)  # sides of faces in pixels, in a frame of _CANVAS
_CANVAS = (720, 1280)
_GRAY = 128
_TIMED = "single_face.mp4@0"  # a frame of 640×360 with one face
_ROUNDS = 30
_WIDEST = 2.5  # a box shows a face if it is at most so many times as wide as that, and no less than so many times as narrow
_EVERY = 6  # of the marked video frames, those that are shrunk too
# What shows no person: package/file. (scikit-image's camera.png is left out: it shows a man from the side.)
_BAIT = (
    *(
        f"gradio/media_assets/images/{name}"
        for name in ("cheetah.jpg", "cheetah1.jpg", "groot.jpeg", "lion.jpg", "tower.jpg", "hf-logo_transpng.png", "bus.png")
    ),
    "gradio/test_data/cheetah2.jpg",
    *(f"sklearn/datasets/images/{name}.jpg" for name in ("china", "flower")),
    *(f"skimage/data/{name}.png" for name in ("brick", "cell", "chelsea", "clock_motion", "coffee", "coins", "color", "grass", "gravel", "horse")),
    *(f"skimage/data/{name}.png" for name in ("ihc", "logo", "moon", "motorcycle_left", "page", "phantom", "text")),
    *(f"skimage/data/{name}.jpg" for name in ("hubble_deep_field", "retina", "rocket")),
)
# What libraries that count processors themselves are told.
_ALONE = {**ONE_THREAD, "DLIB_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
# The two portraits of public domain: nose and side.
_PORTRAITS = {"skimage/data/astronaut.png": (0.44, 0.24, 0.22), "matplotlib/mpl-data/sample_data/grace_hopper.jpg": (0.51, 0.41, 0.44)}


@dataclass(frozen=True)
class Sample:
    """A picture and the faces in it.

    Attributes:
        group: "as they are", "no face" or a size of faces, "57 px".
        image: RGB uint8 (H, W, 3).
        faces: (x, y, side) in pixels of each: tip of the nose, side of the face.
    """

    group: str
    image: Image
    faces: tuple[tuple[float, float, float], ...] = ()


def samples(media: Path, every: int = _EVERY) -> dict[str, Sample]:
    """Return everything that detectors are tried on, by a name that can be a file's.

    Args:
        media: folder of the trial media.
        every: shrink all stills and every so many of the video frames.

    Raises:
        DataError: if the folder or a file of the media is missing.
    """
    if not media.is_dir():
        raise DataError(f"Expected a folder with the trial media. Received: {media}")
    whole = {**_marked(media), **dict(_portraits())}
    with_faces = [(name, sample) for name, sample in whole.items() if sample.faces]
    stills = [pair for pair in with_faces if "@" not in pair[0]]
    shrunk = [*stills, *[pair for pair in with_faces if "@" in pair[0]][::every]]
    small = {f"{name}-{size}": shrink(sample, size) for size in SIZES for name, sample in shrunk}
    return {**whole, **small, **dict(_bait())}


def _marked(media: Path) -> dict[str, Sample]:
    marks: dict[str, list[list[float]]] = json.loads(MARKS.read_text(encoding="utf-8"))
    return {name: _sample(_picture(media, name), faces) for name, faces in marks.items()}


def _sample(image: Image, faces: Any) -> Sample:
    height, width = image.shape[:2]
    return Sample("as they are" if faces else "no face", image, tuple((x * width, y * height, side * width) for x, y, side in faces))


def _picture(media: Path, name: str) -> Image:
    file, _, number = name.partition("@")
    try:
        return _frame(media / file, int(number)) if number else read_image(media / file)
    except ImageError as error:
        raise DataError(f"Expected a picture of the trial media. Received: {media / file}: {error}") from error


def _frame(path: Path, number: int) -> Image:
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_POS_FRAMES, number)
    read, frame = capture.read()
    if not read:
        raise DataError(f"Expected a video with a frame {number}. Received: {path}")
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _portraits() -> Iterator[tuple[str, Sample]]:
    for file, face in _PORTRAITS.items():
        if path := _of_package(file):
            yield path.name, _sample(read_image(path), [face])


def _bait() -> Iterator[tuple[str, Sample]]:
    return ((f"bait-{path.name}", Sample("no face", read_image(path))) for path in map(_of_package, _BAIT) if path)


def _of_package(file: str) -> Path | None:
    """A file that comes with an installed package, without importing it; None if it is not there."""
    package, _, name = file.partition("/")
    spec = find_spec(package)
    path = Path((spec.submodule_search_locations or [""])[0]) / name if spec else None
    return path if path and path.is_file() else None


def shrink(sample: Sample, size: int) -> Sample:
    """Put a picture into the middle of a gray frame of 1280×720, its faces `size` pixels wide on average; what is too large is cut off."""
    scale = size / float(np.mean([side for _, _, side in sample.faces]))
    image = cv2.resize(sample.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    height, width = (min(length, limit) for length, limit in zip(image.shape[:2], _CANVAS, strict=True))
    left, top = (_CANVAS[1] - width) // 2, (_CANVAS[0] - height) // 2
    canvas = np.full((*_CANVAS, 3), _GRAY, np.uint8)
    canvas[top : top + height, left : left + width] = image[:height, :width]
    return Sample(f"{size} px", canvas, tuple((x * scale + left, y * scale + top, side * scale) for x, y, side in sample.faces))


def run_detectors(media: Path, python: str = sys.executable, names: tuple[str, ...] = tuple(DETECTORS)) -> list[dict[str, Any]]:
    """Try every detector on all samples and return a row of figures for each.

    Args:
        media: folder of the trial media.
        python: interpreter that has MTCNN and dlib beside what serving needs.
        names: keys of `train.detector_worker.DETECTORS`.

    Raises:
        DataError: if the folder or a file of the media is missing.
    """
    tried = samples(media)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save({name: sample.image for name, sample in tried.items()}, folder)
        return [_row(name, tried, folder, python) for name in names]


def save(images: dict[str, Image], folder: Path) -> None:
    """Write RGB uint8 (H, W, 3) images for `ask`, each as <name>.npy."""
    for name, image in images.items():
        np.save(folder / f"{name}.npy", image)


def _row(name: str, tried: dict[str, Sample], folder: Path, python: str) -> dict[str, Any]:
    try:
        answer = ask({"detector": name, "folder": str(folder), "timed": _TIMED, "rounds": _ROUNDS}, python)
    except ModelError as error:
        return {"detector": name, "error": str(error)}
    return {"detector": name, "groups": count(tried, answer["found"]), "ms": answer["ms"], "install_mb": answer["install_mb"]}


def ask(request: dict[str, Any], python: str = sys.executable) -> dict[str, Any]:
    """Return what `train.detector_worker.answer` says to a request, with one thread in a process of its own.

    Raises:
        ModelError: if the interpreter does not start, or the detector is not installed there.
    """
    command = [python, "-m", "train.detector_worker"]
    root = Path(__file__).resolve().parents[1]
    try:
        done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, cwd=root, env={**os.environ, **_ALONE}, check=False)
    except OSError as error:
        raise ModelError(f"Expected an interpreter to run {request['detector']} with. Received: {python}: {error.strerror}") from error
    if done.returncode:
        raise ModelError((done.stderr.strip().splitlines() or ["no word"])[-1])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def count(tried: dict[str, Sample], found: dict[str, list[list[float]]]) -> dict[str, dict[str, int]]:
    """Return by group how many faces there are, how many were found, and how many boxes show none.

    A face is found if its nose lies in a box that is 0.4 to 2.5 times as wide as it; of several
    such boxes all but one are false.

    Args:
        tried: samples by name.
        found: boxes (x, y, width, height, …) in pixels, by name.

    Returns:
        by group: pictures, faces, found, false.
    """
    groups = {sample.group: {"pictures": 0, "faces": 0, "found": 0, "false": 0} for sample in tried.values()}
    for name, sample in tried.items():
        boxes = found[name]
        hits = sum(any(_holds(box, face) for box in boxes) for face in sample.faces)
        row = groups[sample.group]
        for key, value in (("pictures", 1), ("faces", len(sample.faces)), ("found", hits), ("false", max(0, len(boxes) - hits))):
            row[key] += value
    return groups


def _holds(box: list[float], face: tuple[float, float, float]) -> bool:
    x, y, width, height = box[:4]
    return x < face[0] < x + width and y < face[1] < y + height and 1 / _WIDEST < max(width, height) / face[2] < _WIDEST


def write_report(rows: list[dict[str, Any]], folder: Path) -> str:
    """Write `detectors.json` and `detectors.md` into `folder` and return the table."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "detectors.json", {"rows": rows})
    groups: dict[str, dict[str, int]] = next((row["groups"] for row in rows if "groups" in row), {})
    heads = [f"{name}: of {group['faces']}" for name, group in groups.items() if group["faces"]]
    heads += [f"false boxes, {group['pictures']} pictures without a face" for group in groups.values() if not group["faces"]]
    heads += ["false boxes beside faces", "ms at 640×360", "installed beside, MB"]
    lines = (_line(row, len(heads)) for row in rows)
    table = "\n".join(["| detector | " + " | ".join(heads) + " |", "|" + "---|" * (len(heads) + 1), *lines])
    (folder / "detectors.md").write_text(_INTRO + table + "\n", encoding="utf-8")
    return table


_INTRO = """# Face detectors

How many of the faces each finds, and how many of its boxes show none. Stills and video frames of the trial media with two \
portraits of public domain, as they are; the stills and some frames again with faces of 115, 57 and 28 pixels in a frame of \
1280×720; animals, statues, flowers, letters and textures out of packages' data, and frames of a video without people. A face is \
found if its nose lies in a box 0.4 to 2.5 times as wide as it. The sample is small, and most of its faces are two people's in \
frames of two videos.

Times are processor time on one thread, the least of 30, for a frame with one face. "Installed beside" is what must be installed, or comes inside \
`fersys`, that serving does not need anyway. "full range alone" is the network of `blazeface` without the mesh and without tiles; \
"enlarged" is twice the size, as face_recognition does it; "5 points" is dlib's aligner after its HOG detector, counted by the \
squares it would cut. Made by `python -m train detectors`.

"""


def _line(row: dict[str, Any], columns: int) -> str:
    if "error" in row:
        return f"| {row['detector']} | not measured: {row['error']} |" + " |" * (columns - 1)
    groups = row["groups"].values()
    cells = [*(str(group["found"]) for group in groups if group["faces"]), *(str(group["false"]) for group in groups if not group["faces"])]
    cells += [str(sum(group["false"] for group in groups if group["faces"])), f"{row['ms']:.1f}", f"{row['install_mb']:.1f}"]
    return f"| {row['detector']} | " + " | ".join(cells) + " |"
