"""Watches the faces of one visitor's camera: who is where, and what each model says of them, smoothed over time.

Faces are looked for, and models asked, at most `LOOKS` times a second; in the frames between, and while a look is under
way, boxes are carried on, which costs next to nothing. `fersys.following` does the same for a video and one model.
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

_CARRY = 0.25  # seconds for which a box goes on moving without a look
_FORGET = 1.0  # seconds without a look after which nobody is shown any more

Read = Callable[[bytes], Image]


@dataclass(frozen=True)
class Seen:
    """A face in one frame.

    Attributes:
        id: its number, from 1; the same as long as the face is followed.
        box: (x, y, width, height) as shares of the frame, 0–1; it may reach beyond the border.
        found: whether the last look found it and has just ended; else the box is carried on from there.
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
        looked: whether there is news: a look has ended since the last answer.
        find_seconds: how long that last took.
        model_seconds: how long each model last took for all faces together, by its name.
    """

    faces: tuple[Seen, ...] = ()
    looked: bool = False
    find_seconds: float = 0.0
    model_seconds: dict[str, float] = field(default_factory=dict)


class Watcher:
    """Watches one camera; frames in order. One look at a time, which may run in another thread than all else."""

    def __init__(self, models: Sequence[Model], half_life: float = HALF_LIFE, read: Read = read_frame) -> None:
        self._read, self._tracker = read, Tracker(TrackerConfig(confirm=_CONFIRM))
        self._models, self._half_life = tuple(models), half_life
        self._smoothers = {model.name: Smoother(half_life) for model in models}
        self._begun = self._ended = -math.inf  # times of the frames that were last looked at
        self._tracks: list[Track] = []
        self._news, self._shape = False, (1, 1)
        self._find_seconds, self._model_seconds = 0.0, dict[str, float]()

    def choose(self, models: Sequence[Model], half_life: float) -> None:
        """Ask other models, or smooth otherwise, from the next look on. A model that stays keeps what it knows.

        Args:
            models: those that are asked.
            half_life: of the smoothing, in seconds, ≥ 0.

        Raises:
            ConfigError: if the half-life is out of its range.
        """
        known = {model.name: self._moved(model.name, half_life) for model in models}
        self._models, self._half_life, self._smoothers = tuple(models), half_life, known

    def _moved(self, name: str, half_life: float) -> Smoother:
        """A smoother of another half-life that knows what the one so far does."""
        old, new = self._smoothers.get(name), Smoother(half_life)
        if old is None:
            return new
        if half_life == self._half_life:
            return old
        for track in self._tracks:
            if (rows := old.last(track.id, self._ended)) is not None:
                new.update(track.id, rows, self._ended)
        return new

    def watch(self, content: bytes, now: float) -> Sight:
        """Look at a frame if it is time to, and return what is known then: `due`, `look` and `sight` in one."""
        if self.due(now):
            self.look(content, now)
        return self.sight(now)

    def due(self, now: float) -> bool:
        """Whether it is time to look again, or worth it: a face that was found once is not shown yet."""
        return self._tracker.waits or now - self._begun >= 1 / LOOKS - _EARLY

    def look(self, content: bytes, now: float) -> None:
        """Find the faces in a frame and ask every model about them.

        Args:
            content: the frame, JPEG or WebP.
            now: when it came, in seconds, not before that of the last look.

        Raises:
            ImageError: if the frame cannot be read.
            ConfigError: if time runs backwards.
        """
        self._begun, models, smoothers = now, self._models, self._smoothers
        frame = self._read(content)
        begin = time.perf_counter()
        faces = detect(frame)
        self._find_seconds, self._shape = time.perf_counter() - begin, (frame.shape[1], frame.shape[0])
        tracks = self._tracker.update([face.box for face in faces], now)
        found = [(track.id, faces[track.detection].crop) for track in tracks if track.detection is not None]
        if found:
            self._model_seconds = {model.name: _ask(model, smoothers[model.name], found, now) for model in models}
        self._tracks, self._ended, self._news = tracks, now, True

    def sight(self, now: float) -> Sight:
        """Return what is known at a moment, in seconds."""
        news, self._news = self._news, False
        tracks = self._tracks if now - self._ended <= _FORGET else []
        faces = tuple(seen for seen in (self._seen(track, now, news) for track in tracks) if seen is not None)
        return Sight(faces, news, self._find_seconds, dict(self._model_seconds))

    def _seen(self, track: Track, now: float, news: bool) -> Seen | None:
        """The face with what is known of it; None if no model was asked about it yet."""
        rows = [(model.recognizer, self._smoothers[model.name].last(track.id, now)) for model in self._models]
        said = tuple(to_prediction(asked.name, row, asked.certainty, asked.title) for asked, row in rows if row is not None)
        return Seen(track.id, self._share(self._carried(track, now)), news and track.detection is not None, said) if said else None

    def _carried(self, track: Track, now: float) -> FloatBox:
        """Where a face is by now; one that the last look did not find stays where the tracker carried it then."""
        return track.at(min(now, self._ended + _CARRY)) if track.detection is not None else track.box

    def _share(self, box: FloatBox) -> FloatBox:
        width, height = self._shape
        return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _ask(model: Model, smoother: Smoother, found: Sequence[tuple[int, Image]], now: float) -> float:
    """Ask a model about faces, tell the smoother what it says, and return how many seconds it took."""
    begin = time.perf_counter()
    rows = model.recognizer.predict([crop for _, crop in found])
    seconds = time.perf_counter() - begin
    for (track, _), row in zip(found, rows, strict=True):
        smoother.update(track, row, now)
    return seconds
