"""Annotates one uploaded video: boxes in its pictures, a table of what every model says of each face in each frame, and
what each face shows over time.
"""

import csv
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from app.containers import HEAD, is_video
from app.draw import thumbnail
from app.webm import writing_webm
from fersys.annotating import COLUMNS, to_rows, with_pauses
from fersys.drawing import Mark, draw_marks
from fersys.errors import VideoError
from fersys.following import Followed, Follower
from fersys.recognizers.base import Recognizer
from fersys.results import Box, Image, Prediction
from fersys.video import Shape, VideoWriter, find_encoder, opened, writing

LONGEST = 180.0  # seconds that are looked at
MAX_BYTES = 200_000_000
_MAX_RATE = 30.0  # frames a second that are looked at: of more, nobody sees more
_MAX_PIXELS = 4096 * 2304  # of a frame: 4K, either way round
_SIDE, _SIDE_WEBM = 1280, 854  # longer side of what is written; VP8 takes longer than H.264
_SOUNDS = ("sound copied", "sound converted", "no sound in")  # what a writer says if nothing of the sound is missing
_PORTRAIT = 108  # pixels, shown at half of it

Word = Callable[[Prediction], str]
Frames = Iterable[tuple[int, float, Image, float]]


class UnfitError(VideoError):
    """A video that is not looked at. Attribute `key`: of the sentence that says why, in `texts/video.toml`."""

    def __init__(self, key: str) -> None:
        super().__init__(f"This video is not looked at. Received: one that is {key}")
        self.key = key


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The visitor has left, or does not want it any more."""


class Progress:
    """How far the work is; set by the thread that works, read by the one that tells, which may also stop it.

    Attributes:
        done: frames of the video that were read.
        of: how many there are to read; 0 if nobody knows.
    """

    def __init__(self) -> None:
        self.done, self.of = 0, 0
        self._stop = threading.Event()

    def stop(self) -> None:
        """Let the work end at the next frame."""
        self._stop.set()

    def step(self, done: int) -> None:
        """Note that so many frames were read. Raises Stopped if nobody waits for the rest, or the program is about to end."""
        if self._stop.is_set() or not threading.main_thread().is_alive():
            raise Stopped
        self.done = done


@dataclass(eq=False)
class Portrait:
    """One face over the whole video.

    Attributes:
        number: as in the boxes and the table.
        times: of the frames in which it was, in seconds.
        rows: float32 (models, 7) a frame, probabilities in the order of `EMOTIONS`.
        certain: a frame's answers that were sure, a model.
        crop: RGB uint8, the face where it was largest.
    """

    number: int
    times: list[float] = field(default_factory=list)
    rows: list[npt.NDArray[np.float32]] = field(default_factory=list)
    certain: list[tuple[bool, ...]] = field(default_factory=list)
    crop: Image = field(default_factory=lambda: np.zeros((1, 1, 3), np.uint8))
    _largest: int = 0

    def add(self, time: float, face: Followed, frame: Image) -> None:
        """Note what a frame shows of it."""
        said = (face.prediction, *face.others)
        self.times.append(time)
        self.rows.append(np.array([list(one.scores.values()) for one in said], np.float32))
        self.certain.append(tuple(one.certain for one in said))
        x, y, width, height = face.box
        if width * height > 1.2 * self._largest:
            self._largest = width * height
            self.crop = thumbnail(frame[y : y + height, x : x + width], _PORTRAIT)


@dataclass(frozen=True, eq=False)
class Film:
    """What came of a video.

    Attributes:
        video: the annotated video's file; it holds `manner`.
        table: the CSV file, a row a face, frame and model.
        faces: the one that is longest in the picture first.
        seconds: how much of the video was looked at.
        frames: how many of its frames.
        notes: keys of what there is to say about it, in `texts/video.toml`.
    """

    video: Path
    table: Path
    faces: tuple[Portrait, ...]
    seconds: float
    frames: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """What is asked.

    Attributes:
        source: the upload.
        folder: an empty folder for what comes of it.
        recognizers: at least one; the first one's answers are drawn.
        word: what is written beside a face.
    """

    source: Path
    folder: Path
    recognizers: Sequence[Recognizer]
    word: Word


def annotate(task: Task, progress: Progress) -> Film:
    """Do it, and keep `progress` up to date.

    Raises:
        UnfitError: if it is no video, or its pictures are too large.
        VideoError: if it cannot be read or written.
        Stopped: if `progress` was stopped.
    """
    check(task.source)
    encoder = find_encoder()
    with opened(task.source) as reader:
        shape = _written(reader.shape, _SIDE if encoder else _SIDE_WEBM)
        progress.of = min(reader.shape.frames, round(LONGEST * reader.shape.rate))
        too_long = reader.shape.frames > LONGEST * reader.shape.rate + 1
        sound = Path(os.devnull) if too_long or encoder is None else task.source  # the sound of the rest would go on without pictures
        with _table(task.folder / "faces.csv") as write, _video(task.folder, shape, sound, encoder) as (video, writer):
            watch = _Watch(task, shape, write, writer)
            for number, time, frame, pause in _some(reader.frames(), progress):
                watch.look(number, time, frame, pause)
    return watch.film(video, _notes(reader.shape, watch.until, writer))


def check(path: Path) -> None:
    """Raise UnfitError if a file is no video by its first bytes, or its pictures are too large to be decoded."""
    with path.open("rb") as file:
        if not is_video(file.read(HEAD)):
            raise UnfitError("no_video")
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    try:
        if capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT) > _MAX_PIXELS:
            raise UnfitError("too_many_pixels")
    finally:
        capture.release()


def _written(shape: Shape, side: int) -> Shape:
    scale = min(1.0, side / max(shape.width, shape.height))
    width, height = (max(2, round(length * scale)) for length in (shape.width, shape.height))
    return Shape(width, height, min(shape.rate, _MAX_RATE), shape.frames)


def _some(frames: Iterable[tuple[float, Image]], progress: Progress) -> Frames:
    """The frames that are looked at, with their numbers and the seconds until the next one: not more a second than is worth it, and not for too long."""
    numbers: list[int] = []

    def chosen() -> Iterator[tuple[float, Image]]:
        last = -math.inf
        for number, (time, frame) in enumerate(frames):
            progress.step(number + 1)
            if time > LONGEST:
                return
            if time - last >= 0.9 / _MAX_RATE:
                last = time
                numbers.append(number)
                yield time, frame

    for time, frame, pause in with_pauses(chosen()):
        yield numbers.pop(0), time, frame, pause


def _notes(shape: Shape, until: float, writer: VideoWriter) -> tuple[str, ...]:
    promised = shape.frames / shape.rate
    notes = ["cut"] if promised > LONGEST + 1 else ["damaged"] if until < 0.9 * promised - 1 else []
    return tuple(notes if any(words in writer.manner for words in _SOUNDS) else [*notes, "silent"])


class _Watch:
    """Follows the faces of one video and notes what is said of them."""

    def __init__(self, task: Task, shape: Shape, write: Callable[[Iterable[Sequence[Any]]], None], writer: VideoWriter) -> None:
        first, *others = task.recognizers
        self._follower, self._word = Follower(first, None, others), task.word
        self._shape, self._write, self._writer = shape, write, writer
        self._task, self._frames, self.until = task, 0, 0.0
        self._faces: dict[int, Portrait] = {}

    def look(self, number: int, time: float, frame: Image, pause: float) -> None:
        small = self._fitted(frame)
        found = self._follower.follow(small, time, pause)
        self._writer.write(time, draw_marks(small, [Mark(face.box, face.track.id, self._word(face.prediction)) for face in found]))
        for face in found:
            self._write(to_rows(number, time, replace(face, box=_enlarged(face.box, frame.shape[1] / small.shape[1]))))
            self._faces.setdefault(face.track.id, Portrait(face.track.id)).add(time, face, small)
        self._frames, self.until = self._frames + 1, time

    def _fitted(self, frame: Image) -> Image:
        """Every frame as large as the first one is written, even if the video changes its size on the way."""
        size = (self._shape.width, self._shape.height)
        if frame.shape[1::-1] == size:
            return frame
        return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)

    def film(self, video: Path, notes: tuple[str, ...]) -> Film:
        faces = sorted(self._faces.values(), key=lambda face: (-len(face.times), face.number))
        return Film(video, self._task.folder / "faces.csv", tuple(faces), self.until, self._frames, notes)


def _enlarged(box: Box, scale: float) -> Box:
    x, y, width, height = (round(length * scale) for length in box)
    return x, y, width, height


@contextmanager
def _table(path: Path) -> Iterator[Callable[[Iterable[Sequence[Any]]], None]]:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        yield writer.writerows


@contextmanager
def _video(folder: Path, shape: Shape, sound: Path, encoder: str | None) -> Iterator[tuple[Path, VideoWriter]]:
    """H.264 by ffmpeg if it is there, else VP8 by OpenCV: browsers play both."""
    path = folder / ("annotated.mp4" if encoder else "annotated.webm")
    with ExitStack() as stack:
        yield path, stack.enter_context(writing(path, shape, sound) if encoder else writing_webm(path, shape))
