"""Follows the faces of a video or camera: who is where, and what each shows, smoothed over time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fersys.errors import ConfigError
from fersys.faces import detect
from fersys.recognizers.base import Recognizer
from fersys.results import Box, Image, Prediction, to_prediction
from fersys.smoothing import HALF_LIFE, Smoother
from fersys.tracking import Track, Tracker, TrackerConfig

LONGEST_BLIND = 0.5  # seconds without looking for faces, however many frames that are


@dataclass(frozen=True)
class FollowConfig:
    """How closely to look.

    Attributes:
        detect_every: faces are looked for, and asked about, in every n-th frame; in between boxes are carried on. Of those, all had an
            IoU of 0.5 or more with a fresh detection at every 2nd, 3rd, 5th and 8th frame of two trial videos; reports/following.md has the means.
            At least every `LONGEST_BLIND` seconds they are looked for whatever is said here.
        half_life: of the smoothing, in seconds; 0: none. The same report says how often the label changes with which.
    """

    detect_every: int = 3
    half_life: float = HALF_LIFE

    def __post_init__(self) -> None:
        if self.detect_every < 1:
            raise ConfigError(f"Expected to look for faces in every frame (1) or every n-th. Received: {self.detect_every}")


@dataclass(frozen=True)
class Followed:
    """A face in one frame.

    Attributes:
        track: its id, and whether it was found in this frame or carried on.
        box: (x, y, width, height) in whole pixels, inside the frame.
        prediction: what the model says of it, smoothed.
        others: what further models say of it, smoothed, in the order in which they were given.
    """

    track: Track
    box: Box
    prediction: Prediction
    others: tuple[Prediction, ...] = ()


class Follower:
    """Follows faces through one video; frames in order. Not for several threads.

    Args:
        recognizer: whom to ask.
        config: how closely to look.
        others: further models, which are asked about the same crops.
    """

    def __init__(self, recognizer: Recognizer, config: FollowConfig | None = None, others: Sequence[Recognizer] = ()) -> None:
        self._config = config or FollowConfig()
        self._asked = [(one, Smoother(self._config.half_life)) for one in (recognizer, *others)]
        self._tracker = Tracker(TrackerConfig(confirm=2))
        self._frames, self._looked = 0, -math.inf

    def follow(self, frame: Image, time: float, pause: float = 0.0) -> list[Followed]:
        """Return the faces of the next frame, by id.

        A face is shown from its second detection on: a false alarm in a single frame never is. In a frame
        that is further than `LONGEST_BLIND` seconds from the ones before and after it, all are.

        Args:
            frame: RGB uint8 (H, W, 3).
            time: in seconds, not before that of the last frame.
            pause: seconds until the next frame; infinite after the last, 0 if nobody knows.

        Raises:
            ImageError: if the frame is not RGB uint8.
            ConfigError: if time runs backwards.
        """
        due = self._frames % self._config.detect_every == 0 or time - self._looked >= LONGEST_BLIND or self._tracker.waits
        self._frames += 1
        tracks = self._look(frame, time, pause) if due else self._tracker.carry(time)
        said = [(track, self._said(track, time)) for track in tracks]
        return [Followed(track, _inside(track, frame), known[0], tuple(known[1:])) for track, known in said if known]

    def _said(self, track: Track, time: float) -> list[Prediction]:
        """What is known of a face, of each model; nothing if it was not asked about yet."""
        rows = [(asked, smoother.last(track.id, time)) for asked, smoother in self._asked]
        return [to_prediction(asked.name, row, asked.certainty, asked.title) for asked, row in rows if row is not None]

    def _look(self, frame: Image, time: float, pause: float) -> list[Track]:
        alone = min(time - self._looked, pause) > LONGEST_BLIND
        self._looked = time
        faces = detect(frame)
        tracks = self._tracker.update([face.box for face in faces], time, alone)
        found = [track for track in tracks if track.detection is not None]
        crops = [faces[track.detection].crop for track in found if track.detection is not None]
        for asked, smoother in self._asked:
            for track, row in zip(found, asked.predict(crops), strict=True):
                smoother.update(track.id, row, time)
        return tracks


def _inside(track: Track, frame: Image) -> Box:
    """The box in whole pixels, cut off where it leaves the frame."""
    height, width = frame.shape[:2]
    x, y, w, h = track.box
    left, right = (int(value) for value in np.clip(np.rint((x, x + w)), 0, width))
    top, bottom = (int(value) for value in np.clip(np.rint((y, y + h)), 0, height))
    return left, top, max(1, right - left), max(1, bottom - top)
