"""Watches the faces of one visitor's camera: who is where, and what each model says of them, smoothed over time.

Faces are looked for, and models asked, `LOOKS` times a second; in the frames between, boxes are carried on, which
costs next to nothing. `fersys.following` does the same for a video and one model.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.frames import read_frame
from app.models import Model
from fersys import Prediction, detect
from fersys.results import Image, to_prediction
from fersys.smoothing import HALF_LIFE, Smoother
from fersys.tracking import FloatBox, Track, Tracker, TrackerConfig

LOOKS = 15  # a second, at most
_CONFIRM = 2  # detections after which a face is shown
_EARLY = 0.005  # seconds: a frame that comes a little before its time is looked at too

Read = Callable[[bytes], Image]


@dataclass(frozen=True)
class Seen:
    """A face in one frame.

    Attributes:
        id: its number, from 1; the same as long as the face is followed.
        box: (x, y, width, height) as shares of the frame, 0–1; it may reach beyond the border.
        found: whether it was found in this frame, or carried on from earlier ones.
        predictions: of each model, smoothed.
    """

    id: int
    box: FloatBox
    found: bool
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True)
class Sight:
    """What is known at the moment of one frame.

    Attributes:
        faces: by id.
        looked: whether faces were looked for in this frame.
        find_seconds: how long that last took.
        model_seconds: how long each model last took for all faces together, by its name.
    """

    faces: tuple[Seen, ...] = ()
    looked: bool = False
    find_seconds: float = 0.0
    model_seconds: dict[str, float] = field(default_factory=dict)


class Watcher:
    """Watches one camera; frames in order. Not for several threads at once."""

    def __init__(self, models: Sequence[Model], half_life: float = HALF_LIFE, read: Read = read_frame) -> None:
        self._read, self._tracker = read, Tracker(TrackerConfig(confirm=_CONFIRM))
        self._models, self._half_life = tuple(models), half_life
        self._smoothers = {model.name: Smoother(half_life) for model in models}
        self._looked = self._now = -math.inf
        self._shape = (1, 1)
        self._find_seconds, self._model_seconds = 0.0, dict[str, float]()

    def choose(self, models: Sequence[Model], half_life: float) -> None:
        """Ask other models, or smooth otherwise, from the next frame on. A model that stays keeps what it knows.

        Args:
            models: those that are asked.
            half_life: of the smoothing, in seconds, ≥ 0.

        Raises:
            ConfigError: if the half-life is out of its range.
        """
        known = {model.name: self._moved(model.name, half_life) for model in models}
        self._models, self._half_life, self._smoothers = tuple(models), half_life, known
        self._model_seconds = {name: seconds for name, seconds in self._model_seconds.items() if name in known}

    def _moved(self, name: str, half_life: float) -> Smoother:
        """A smoother of another half-life that knows what the one so far does."""
        old, new = self._smoothers.get(name), Smoother(half_life)
        if old is None:
            return new
        if half_life == self._half_life:
            return old
        for track in self._tracker.carry(self._now):
            if (rows := old.last(track.id, self._now)) is not None:
                new.update(track.id, rows, self._now)
        return new

    def watch(self, content: bytes, now: float) -> Sight:
        """Return what is known at the moment of a frame.

        Args:
            content: the frame, JPEG or WebP.
            now: in seconds, not before that of the last frame.

        Raises:
            ImageError: if the frame cannot be read.
            ConfigError: if time runs backwards.
        """
        self._now = now
        due = self._tracker.waits or now - self._looked >= 1 / LOOKS - _EARLY
        tracks = self._look(self._read(content), now) if due else self._tracker.carry(now)
        faces = tuple(seen for seen in (self._seen(track, now) for track in tracks) if seen is not None)
        return Sight(faces, due, self._find_seconds, dict(self._model_seconds))

    def _look(self, frame: Image, now: float) -> list[Track]:
        begin = time.perf_counter()
        faces = detect(frame)
        self._find_seconds = time.perf_counter() - begin
        self._looked, self._shape = now, (frame.shape[1], frame.shape[0])
        tracks = self._tracker.update([face.box for face in faces], now)
        found = [(track.id, faces[track.detection].crop) for track in tracks if track.detection is not None]
        for model in self._models if found else ():
            self._ask(model, found, now)
        return tracks

    def _ask(self, model: Model, found: Sequence[tuple[int, Image]], now: float) -> None:
        begin = time.perf_counter()
        rows = model.recognizer.predict([crop for _, crop in found])
        self._model_seconds[model.name] = time.perf_counter() - begin
        for (track, _), row in zip(found, rows, strict=True):
            self._smoothers[model.name].update(track, row, now)

    def _seen(self, track: Track, now: float) -> Seen | None:
        """The face with what is known of it; None if no model was asked about it yet."""
        rows = [(model.recognizer, self._smoothers[model.name].last(track.id, now)) for model in self._models]
        said = tuple(to_prediction(asked.name, row, asked.certainty, asked.title) for asked, row in rows if row is not None)
        return Seen(track.id, self._share(track.box), track.detection is not None, said) if said else None

    def _share(self, box: FloatBox) -> FloatBox:
        width, height = self._shape
        return box[0] / width, box[1] / height, box[2] / width, box[3] / height
