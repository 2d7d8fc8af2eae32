"""Measures how faces are followed between two looks, and what smoothing does: `reports/following.md`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from fersys.errors import DataError
from fersys.faces import detect
from fersys.labels import EMOTIONS
from fersys.recognizers.base import Probabilities, Recognizer
from fersys.smoothing import HALF_LIFE, Smoother
from fersys.tracking import FloatBox, Tracker, TrackerConfig, overlap
from fersys.video import opened
from train.atomic import write_json

WITH_ONE_FACE = ("single_face.mp4", "WolfgangLanger_Pexels.mp4")
CHANGING = "WolfgangLanger_Pexels.mp4"  # its one face changes its expression
WITHOUT_FACES = "no_face.mp4"
STEPS = (2, 3, 5, 8)  # frames from one look to the next
LABEL_STEPS = (1, 3)
HALF_LIVES = (0.0, 0.2, 0.4, 0.8)  # seconds

_GRID = 6  # points to a side that optical flow follows in a box
_SAME = 0.5  # IoU from which two boxes are taken to be the same face's


@dataclass(frozen=True)
class Look:
    """What a fresh look at a frame gives.

    Attributes:
        time: in seconds.
        gray: uint8 (H, W).
        boxes: (x, y, width, height) in pixels, the largest first.
        answers: what the model says of each face, float32 (n, 7).
    """

    time: float
    gray: npt.NDArray[np.uint8]
    boxes: tuple[FloatBox, ...]
    answers: Probabilities


def look(video: Path, model: Recognizer) -> list[Look]:
    """Look for the faces in every frame of a video, and ask a model about them.

    Raises:
        DataError: if it is not there.
        VideoError: if it cannot be read.
    """
    if not video.is_file():
        raise DataError(f"Expected a video of the trial media. Received: {video}")
    looks = []
    with opened(video) as reader:
        for time, frame in reader.frames():
            faces = detect(frame)
            gray = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
            looks.append(Look(time, gray, tuple(face.box for face in faces), model.predict([face.crop for face in faces])))
    return looks


class Way(Protocol):
    """A way to know where faces are in frames in which nobody looks for any."""

    def update(self, fresh: Look) -> None:
        """Take what was found."""
        ...

    def carry(self, frame: Look) -> Iterable[FloatBox]:
        """Return the boxes in a later frame; only its time and its picture may be used."""
        ...


class _Staying:
    """Boxes stay where they were found."""

    def update(self, fresh: Look) -> None:
        self._boxes = fresh.boxes

    def carry(self, frame: Look) -> Iterable[FloatBox]:
        return self._boxes


class _Moving:
    """Boxes go on at constant speed, as the tracker carries them."""

    def __init__(self) -> None:
        self._tracker = Tracker()

    def update(self, fresh: Look) -> None:
        self._tracker.update(fresh.boxes, fresh.time)

    def carry(self, frame: Look) -> Iterable[FloatBox]:
        return [track.box for track in self._tracker.carry(frame.time)]


class _Flowing:
    """Boxes go where the pixels in them go, by optical flow (Lucas and Kanade) from frame to frame."""

    def update(self, fresh: Look) -> None:
        self._boxes, self._gray = fresh.boxes, fresh.gray

    def carry(self, frame: Look) -> Iterable[FloatBox]:
        self._boxes = tuple(flowed(box, self._gray, frame.gray) for box in self._boxes)
        self._gray = frame.gray
        return self._boxes


WAYS: dict[str, type[Way]] = {"box stays": _Staying, "constant velocity": _Moving, "optical flow": _Flowing}


def flowed(box: FloatBox, before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> FloatBox:
    """Return a box moved by the median way of a grid of points in it, from one gray frame to another; where it was if all are lost."""
    x, y, width, height = box
    across, down = np.meshgrid(np.linspace(0.1, 0.9, _GRID), np.linspace(0.1, 0.9, _GRID))
    points = np.stack([x + width * across.ravel(), y + height * down.ravel()], axis=1).astype(np.float32)[:, None]
    moved, kept, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None)  # type: ignore[call-overload]  # its stub wants an array
    ways = (moved - points)[kept.ravel() == 1]
    right, below = np.median(ways.reshape(-1, 2), axis=0) if len(ways) else (0.0, 0.0)
    return x + float(right), y + float(below), width, height


def agreement(looks: list[Look], way: Way, step: int) -> dict[str, float]:
    """Compare boxes carried from every `step`-th look with fresh ones in the frames between: mean and least IoU, and the share of 0.5 or more."""
    overlaps = []
    for number, fresh in enumerate(looks):
        if number % step == 0:
            way.update(fresh)
            continue
        carried = list(way.carry(fresh))
        overlaps += [max((overlap(box, other) for other in carried), default=0.0) for box in fresh.boxes]
    found = np.array(overlaps or [0.0])
    return {"mean": float(found.mean()), "least": float(found.min()), "same": float((found >= _SAME).mean())}


def label_changes(looks: list[Look], half_life: float, step: int) -> int:
    """Return how often the label of the largest face changes, if every `step`-th frame with a face is looked at and answers are smoothed."""
    smoother = Smoother(half_life)
    labels = [smoother.update(1, seen.answers[0], seen.time).argmax() for seen in [seen for seen in looks if seen.boxes][::step]]
    return int(np.count_nonzero(np.diff(labels)))


def shown(looks: list[Look], confirm: int, step: int = 1) -> int:
    """Return how many faces are shown in all, if every `step`-th frame is looked at and so many detections confirm a face."""
    tracker = Tracker(TrackerConfig(confirm=confirm))
    return len({track.id for seen in looks[::step] for track in tracker.update(seen.boxes, seen.time)})


def run_following(media: Path, model: Recognizer) -> dict[str, Any]:
    """Measure all of it on the trial videos.

    Args:
        media: folder of the trial media.
        model: names the expressions.

    Returns:
        the content of `following.json`.

    Raises:
        DataError: if a video is missing.
    """
    videos = {name: look(media / name, model) for name in (*WITH_ONE_FACE, WITHOUT_FACES)}
    nobody, changing = videos[WITHOUT_FACES], videos[CHANGING]
    return {
        "model": model.name,
        "frames": {name: len(looks) for name, looks in videos.items()},
        "faces_shown": {name: {str(step): shown(videos[name], 2, step) for step in LABEL_STEPS} for name in WITH_ONE_FACE},
        "false_alarms": {"frames": sum(bool(seen.boxes) for seen in nobody), "shown": {str(confirm): shown(nobody, confirm) for confirm in (1, 2)}},
        "carried": {
            name: {title: {str(step): agreement(videos[name], way(), step) for step in STEPS} for title, way in WAYS.items()} for name in WITH_ONE_FACE
        },
        "label_changes": {str(step): {str(half_life): label_changes(changing, half_life, step) for half_life in HALF_LIVES} for step in LABEL_STEPS},
        "seconds": changing[-1].time if changing else 0.0,
        "labels": sorted({EMOTIONS[seen.answers[0].argmax()] for seen in changing if seen.boxes}),
    }


def write_report(result: dict[str, Any], folder: Path) -> str:
    """Write `following.json` and `following.md` into `folder` and return the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "following.json", result)
    text = "\n\n".join([_INTRO, *(_carried(name, ways) for name, ways in result["carried"].items()), _labels(result), _faces(result)]) + "\n"
    (folder / "following.md").write_text(text, encoding="utf-8")
    return text


_INTRO = """# Following faces

Measured on the trial videos, which are few: one face in two of them, none in the third. Made by `python -m train following`."""


def _table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, ["---"] * len(heads), *rows])


def _carried(name: str, ways: dict[str, Any]) -> str:
    rows = [[str(step), *(f"{way[str(step)]['mean']:.3f} ({way[str(step)]['least']:.2f})" for way in ways.values())] for step in STEPS]
    same = min(figures["same"] for way in ways.values() for figures in way.values())
    share = "all have" if same == 1 else f"at least {same:.1%} have"
    return (
        f"## Boxes between two looks: {name}\n\nMean IoU (and the least) of a box carried from every n-th frame with what a fresh look finds; "
        f"{share} {_SAME} or more, whichever way.\n\n" + _table(["n", *ways], rows)
    )


def _labels(result: dict[str, Any]) -> str:
    rows = [[step, *map(str, changes.values())] for step, changes in result["label_changes"].items()]
    heads = [f"{half_life:g} s" if half_life else "none" for half_life in HALF_LIVES]
    return (
        f"## Half-life of the smoothing: {CHANGING}\n\nHow often the label of {result['model']} changes in {result['seconds']:.1f} s "
        f"({', '.join(result['labels'])}), by half-life; the default is {HALF_LIFE:g} s.\n\n" + _table(["looking at every n-th frame", *heads], rows)
    )


def _faces(result: dict[str, Any]) -> str:
    false = result["false_alarms"]
    rows = [[name, str(result["frames"][name]), *map(str, steps.values())] for name, steps in result["faces_shown"].items()]
    return (
        "## Numbers of faces\n\nFaces that are shown in all, looking at every n-th frame; each video has one.\n\n"
        + _table(["video", "frames", *(f"n = {step}" for step in LABEL_STEPS)], rows)
        + f"\n\n{WITHOUT_FACES}, {result['frames'][WITHOUT_FACES]} frames without a face: a look finds one in {false['frames']}; shown from the "
        + f"first detection on: {false['shown']['1']}, from the second on: {false['shown']['2']}."
    )
