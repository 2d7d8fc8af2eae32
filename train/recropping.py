"""What finding, cutting and levelling a face costs or gives, and what histogram equalisation does: measured on validation.

`python -m train alignment [--python .../bin/python]`. Faces of FER2013 are put into a larger canvas,
enlarged, turned and moved, found again and cut out with and without alignment; a model then names
their expression. Beside two of our detectors dlib's with its aligner, if the interpreter has them.
How FER2013 frames what each detector boxes is measured first, on Training.
"""

import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

import fersys.detectors
from fersys.detectors.base import Detection, Framing
from fersys.errors import ModelError
from fersys.faces import to_face
from fersys.recognizers.base import Recognizer
from fersys.results import Image
from train.atomic import write_json
from train.data import Fer2013, Split
from train.detectors import ask, save

ANGLES = (0, 10, 20, 30)  # degrees; each face is turned one way or the other
DETECTORS = ("blazeface", "haar", "dlib HOG, 5 points")
_CANVAS = 320  # side of the canvas in pixels
_FACE = 192  # side of the FER2013 frame in it
_MOVE = 24  # it is moved by at most so many pixels
_FRAMED = 1500  # Training images by which the framing is measured, the first ones
_CHUNK = 1000  # canvases that are held at once: 0.3 GB
_LOST = -1  # the answer about a face that was not found

Gray = npt.NDArray[np.uint8]
Answers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Placed:
    """A face of FER2013 in its canvas: RGB uint8 (320, 320, 3), and where the middle of its frame lies, x and y in pixels."""

    canvas: Image
    middle: tuple[float, float]


@dataclass(frozen=True)
class Trial:
    """What all rows share.

    Attributes:
        split: images with their labels.
        model: says which expression they show.
        plain: where it is right on the images as they are, bool (n,).
        python: interpreter that has the detectors.
    """

    split: Split
    model: Recognizer
    plain: Truths
    python: str


def place(image: Gray, angle: float, middle: tuple[float, float]) -> Placed:
    """Enlarge a face to 192 pixels, turn it and put it into a canvas; its border is repeated outwards.

    Args:
        image: uint8 (48, 48), gray.
        angle: by how many degrees it is turned clockwise.
        middle: where the middle of its frame comes to lie, x and y in pixels from the corner of the canvas.
    """
    half = image.shape[0] / 2 - 0.5
    matrix = cv2.getRotationMatrix2D((half, half), -angle, _FACE / image.shape[0])
    matrix[:, 2] += np.array(middle) - 0.5 - half
    turned = cv2.warpAffine(image, matrix, (_CANVAS, _CANVAS), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return Placed(_colour(np.asarray(turned, dtype=np.uint8)), middle)


def _colour(image: Gray) -> Image:
    return np.repeat(image[..., None], 3, axis=2)


def scatter(images: Gray, angle: float) -> Iterator[Placed]:
    """Place uint8 (n, 48, 48) images one after another, each turned by the angle one way or the other and moved by up to 24 pixels."""
    random = np.random.default_rng(0)
    for image in images:
        side = int(random.choice([-1, 1]))
        x, y = (_CANVAS / 2 + random.uniform(-_MOVE, _MOVE, 2)).tolist()
        yield place(image, side * angle, (x, y))


def equalize(image: Gray) -> Gray:
    """Equalise the histogram of a gray uint8 image, the paper's enhancement step."""
    return np.asarray(cv2.equalizeHist(image), dtype=np.uint8)


def seek(placed: Sequence[Placed], detector: str, python: str = sys.executable) -> list[Detection | None]:
    """Find each face again: the largest box that holds its middle, None if there is none.

    Args:
        placed: faces in their canvases.
        detector: key of `train.detector_worker.DETECTORS`.
        python: interpreter that has it.

    Returns:
        detections in the order of `placed`, their landmarks two points that lean as the face does.

    Raises:
        ModelError: if the detector cannot be run there.
    """
    with tempfile.TemporaryDirectory() as name:
        save({str(number): one.canvas for number, one in enumerate(placed)}, Path(name))
        found = ask({"detector": detector, "folder": name, "timed": None, "rounds": 0}, python)["found"]
    return [_largest(found[str(number)], one.middle) for number, one in enumerate(placed)]


def _largest(boxes: Sequence[Sequence[float]], middle: tuple[float, float]) -> Detection | None:
    holding = [(x, y, w, h, angle) for x, y, w, h, angle in boxes if x < middle[0] < x + w and y < middle[1] < y + h]
    if not holding:
        return None
    *box, angle = max(holding, key=lambda one: one[2])
    lean = math.radians(angle)
    return Detection((box[0], box[1], box[2], box[3]), 1.0, np.array([[0, 0], [math.cos(lean), math.sin(lean)]], np.float32))


def measure_framing(images: Gray, detector: str, python: str = sys.executable) -> dict[str, Any]:
    """Measure which square FER2013 cuts, in terms of a detector's box: the medians over the faces that it finds.

    Args:
        images: uint8 (n, 48, 48), upright; the whole of each is what FER2013 cut.
        detector, python: as `seek` takes them.

    Returns:
        `detector`, `images`, `found`, and `scale` and `down` as `fersys.detectors.base.Framing` has them, 0 if it finds none.

    Raises:
        ModelError: if the detector cannot be run there.
    """
    placed = [place(image, 0, (_CANVAS / 2, _CANVAS / 2)) for image in images]
    found = [one for start in range(0, len(placed), _CHUNK) for one in seek(placed[start : start + _CHUNK], detector, python) if one]
    measured = [_framing(one) for one in found] or [(0.0, 0.0)]
    scale, down = (round(float(value), 3) for value in np.median(measured, axis=0))
    return {"detector": detector, "images": len(images), "found": len(found), "scale": scale, "down": down}


def _framing(found: Detection) -> tuple[float, float]:
    """Scale and down of one face whose frame lies in the middle of its canvas."""
    x, y, width, height = found.box
    side = max(width, height)
    cosine, sine = found.landmarks[1].tolist()
    right, below = _CANVAS / 2 - x - width / 2, _CANVAS / 2 - y - height / 2
    return _FACE / side, (cosine * below - sine * right) / side


def run_alignment(data: Fer2013, model: Recognizer, limit: int | None = None, python: str = sys.executable) -> dict[str, Any]:
    """Measure all forms and return the report.

    Args:
        data: FER2013; on Training the framings are measured, on validation the accuracies.
        model: says which expression is shown.
        limit: measure the first so many images of validation only.
        python: interpreter that has dlib beside what serving needs.
    """
    split = data.split("validation", limit)
    plain = _right(model, split.images, split)
    trial = Trial(split, model, plain, python)
    rows = [row for detector in DETECTORS for row in _rows(trial, detector, data.split("train", _FRAMED).images)]
    return {
        "model": model.name,
        "images": len(split.images),
        "as_they_are": _share(plain),
        "equalised": _share(_right(model, list(map(equalize, split.images)), split)),
        "rows": rows,
    }


def _right(model: Recognizer, images: Sequence[Gray] | Gray, split: Split) -> Truths:
    return np.asarray(model.predict([_colour(image) for image in images]).argmax(axis=1) == split.labels)


def _share(truths: Truths) -> float:
    return round(float(truths.mean()), 4) if len(truths) else 0.0


def _rows(trial: Trial, detector: str, training: Gray) -> list[dict[str, Any]]:
    """A row an angle; one that says why if the detector cannot be run."""
    try:
        measured = measure_framing(training, detector, trial.python)
        framing = Framing(measured["scale"], measured["down"])
        if detector in fersys.detectors.DETECTORS:
            framing = fersys.detectors.open_detector(detector).framing
        return [{"detector": detector, "angle": angle, "framing": measured, **_row(trial, detector, framing, angle)} for angle in ANGLES]
    except ModelError as error:
        return [{"detector": detector, "error": str(error)}]


def _row(trial: Trial, detector: str, framing: Framing, angle: float) -> dict[str, Any]:
    """Accuracy on the faces that were found, as they are and in each form; and over all faces, lost ones wrong."""
    images, labels = trial.split.images, trial.split.labels
    placed, parts = scatter(images, angle), []
    for start in range(0, len(images), _CHUNK):
        chunk = [next(placed) for _ in images[start : start + _CHUNK]]
        parts.append(_answers(trial.model, chunk, seek(chunk, detector, trial.python), framing))
    answers = np.concatenate(parts, axis=1)
    chosen, (without, level, equalised) = answers[0] != _LOST, answers == labels
    return {
        "found": _share(chosen),
        "as_they_are": _share(trial.plain[chosen]),
        "without": _share(without[chosen]),
        "with": _share(level[chosen]),
        "gained": int((level & ~without).sum()),
        "lost": int((without & ~level).sum()),
        "with_equalised": _share(equalised[chosen]),
        "with_of_all": _share(level),
    }


def _answers(model: Recognizer, placed: Sequence[Placed], found: Sequence[Detection | None], framing: Framing) -> Answers:
    """The model's answers (3, n) on crops that are not aligned, aligned, and both aligned and equalised; −1 where no face was found."""
    pairs = [(one.canvas, face) for one, face in zip(placed, found, strict=True) if face]
    level = [to_face(canvas, face, framing).crop for canvas, face in pairs]
    upright = [to_face(canvas, face, framing, align=False).crop for canvas, face in pairs]
    answers = np.full((3, len(placed)), _LOST, dtype=np.int64)
    chosen = np.array([face is not None for face in found], dtype=bool)
    for form, crops in enumerate([upright, level, [_colour(equalize(crop[..., 0])) for crop in level]]):
        answers[form, chosen] = model.predict(crops).argmax(axis=1)
    return answers


def write_report(report: dict[str, Any], folder: Path) -> str:
    """Write `alignment.json` and `alignment.md` into `folder` and return the table."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "alignment.json", report)
    heads = ("detector", "turned by", "found", "as they are", "cut, not aligned", "cut, aligned", "gained, lost", "aligned, equalised", "aligned, of all")
    table = "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *map(_line, report["rows"])])
    framings = {row["detector"]: _sentence(row["framing"]) for row in report["rows"] if "framing" in row}
    text = _INTRO.format(**report, face=_FACE, canvas=_CANVAS, move=_MOVE) + table + "\n\n" + _FRAMINGS + "".join(framings.values())
    (folder / "alignment.md").write_text(text, encoding="utf-8")
    return table


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"| {row['detector']} | not measured: {row['error']} |" + " |" * 7
    shares = (f"{row[key]:.3f}" for key in ("found", "as_they_are", "without", "with"))
    last = (f"+{row['gained']} −{row['lost']}", f"{row['with_equalised']:.3f}", f"{row['with_of_all']:.3f}")
    return f"| {row['detector']} | {row['angle']}° | " + " | ".join([*shares, *last]) + " |"


def _sentence(framing: dict[str, Any]) -> str:
    return "- {detector}: {scale:.3f} of the box, moved down by {down:.3f} of it; medians over the {found:,} faces found in {images:,}.\n".format(**framing)


_INTRO = """# Alignment and equalisation

Accuracy of {model} on the first {images:,} images of validation: {as_they_are:.3f} as they are, {equalised:.3f} with their histogram equalised.

Below, the same faces enlarged to {face} pixels in a canvas of {canvas}, turned one way or the other, moved by up to {move} pixels, \
their border repeated outwards; then found and cut out again. "Found" is a share of all; the next three columns are accuracy on \
those that were found. "Gained, lost": answers that alignment made right, and wrong. "Of all" counts lost faces as wrong. Made by \
`python -m train alignment`.

"""

_FRAMINGS = """The square that FER2013 cuts, in terms of each detector's box, measured on Training images that were placed upright in the middle:

"""
