"""Which box of one frame is the same face as which box of another: ids that stay over a video.

Pure: no clock, no picture, nothing random. Times come in with the boxes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fersys.errors import ConfigError

FloatBox = tuple[float, float, float, float]  # (x, y, width, height) in pixels

_ENOUGH_OVERLAP = 0.2  # IoU from which two boxes may be one face
_NEAR = 0.7  # … or centres at most this far apart, in mean sides; a quick face leaves its own box between two detections
_ALIKE = 2.0  # … with sides that differ by no more than this factor
_TRUST = 0.5  # share of a newly measured speed in what a track is carried on with


@dataclass(frozen=True)
class Track:
    """One face over time.

    Attributes:
        id: from 1, in the order of appearance; never used again.
        box: (x, y, width, height) in pixels, as floats; of the last detection, or carried on from there.
        detection: position in the last `Tracker.update` of the box that is this face; None: carried on without one.
        seen: time of the last detection, in seconds.
        hits: how many detections it has had.
        speed: of the box's centre, (x, y) in pixels a second.
    """

    id: int
    box: FloatBox
    detection: int | None
    seen: float
    hits: int = 1
    speed: tuple[float, float] = (0.0, 0.0)

    def at(self, time: float) -> FloatBox:
        """Return the box carried on at constant speed to a time in seconds."""
        x, y, width, height = self.box
        return x + self.speed[0] * (time - self.seen), y + self.speed[1] * (time - self.seen), width, height


@dataclass(frozen=True)
class TrackerConfig:
    """When a face is shown, and how long one that is not found is remembered.

    Attributes:
        confirm: detections after which a face is shown: with 2, a false alarm in a single frame never is.
        bridge: seconds for which it is still shown, carried on: a blink of the detector is no gap.
        keep: seconds after which it is forgotten; if it comes back, it is a new face. Frames may be further apart than that (a slide
            show, a time-lapse): from one look to the next a face is remembered, however long that takes.
    """

    confirm: int = 1
    bridge: float = 0.25
    keep: float = 1.0

    def __post_init__(self) -> None:
        if self.confirm < 1:
            raise ConfigError(f"Tracking: expected confirm to be 1 or more. Received: {self.confirm}")
        if not 0 <= self.bridge <= self.keep < math.inf:
            raise ConfigError(f"Tracking: expected 0 ≤ bridge ≤ keep, in seconds. Received: {self.bridge}, {self.keep}")


class Tracker:
    """Gives faces ids. One a video, frames in order; not for several threads.

    >>> tracker = Tracker()
    >>> [track.id for track in tracker.update([(10, 10, 50, 50), (200, 10, 40, 40)], 0.0)]
    [1, 2]
    >>> [track.id for track in tracker.update([(203, 11, 40, 40), (12, 10, 50, 50)], 0.1)]  # ids stay, whatever the order
    [1, 2]
    >>> tracker.carry(0.2)[0].box  # two pixels in 0.1 s, of which half is believed
    (13.0, 10.0, 50.0, 50.0)
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self._config = config or TrackerConfig()
        self._tracks: list[Track] = []
        self._last_id = 0
        self._now = -math.inf

    def update(self, boxes: Sequence[FloatBox], time: float, alone: bool = False) -> list[Track]:
        """Take the detections of a frame.

        Every detection continues the known face that it overlaps most (or else is nearest to),
        best pairs first, or is a new face. A face without a detection is shown for
        `config.bridge` and remembered for `config.keep` seconds.

        Args:
            boxes: (x, y, width, height) in pixels, in any order.
            time: of the frame, in seconds; not before that of the last call.
            alone: no other frame is near enough in time to confirm a face of this one: all are taken to be confirmed.

        Returns:
            a track a detection and a track a bridged face, by id; without those not confirmed yet.

        Raises:
            ConfigError: if time runs backwards.
        """
        self._tick(time)
        known = [track for track in self._tracks if track.detection is not None or time - track.seen <= self._config.keep]
        pairs = _pair([track.at(time) for track in known], boxes)
        lost = [replace(track, detection=None) for index, track in enumerate(known) if index not in pairs]
        found = [_continued(known[index], boxes[detection], detection, time) for index, detection in pairs.items()]
        new = [self._new(boxes[detection], detection, time) for detection in range(len(boxes)) if detection not in pairs.values()]
        if alone:
            found, new = ([replace(track, hits=max(track.hits, self._config.confirm)) for track in tracks] for tracks in (found, new))
        self._tracks = sorted([*found, *lost, *new], key=lambda track: track.id)
        return self._shown(time)

    def carry(self, time: float) -> list[Track]:
        """Return the faces for a frame in which nobody looked for any: boxes are carried on at constant speed.

        Args:
            time: of the frame, in seconds; not before that of the last call.

        Returns:
            by id; those found in the last `update`, and bridged ones.

        Raises:
            ConfigError: if time runs backwards.
        """
        self._tick(time)
        return [replace(track, detection=None) for track in self._shown(time)]

    @property
    def waits(self) -> bool:
        """Whether a face found last time is not confirmed yet: then it is worth looking again at once."""
        return any(track.hits < self._config.confirm and track.detection is not None for track in self._tracks)

    def _tick(self, time: float) -> None:
        if not time >= self._now:
            raise ConfigError(f"Tracking: expected frames in the order of their times. Received: {time} s after {self._now} s")
        self._now = time

    def _shown(self, time: float) -> list[Track]:
        confirmed = [track for track in self._tracks if track.hits >= self._config.confirm]
        shown = [track for track in confirmed if track.detection is not None or time - track.seen <= self._config.bridge]
        return [track if track.seen == time else replace(track, box=track.at(time)) for track in shown]

    def _new(self, box: FloatBox, detection: int, time: float) -> Track:
        self._last_id += 1
        return Track(self._last_id, _floats(box), detection, time)


def _continued(track: Track, box: FloatBox, detection: int, time: float) -> Track:
    passed = time - track.seen
    if passed <= 0:  # a second look at the same moment
        return replace(track, box=_floats(box), detection=detection)
    measured = [(new - old) / passed for new, old in zip(_center(box), _center(track.box), strict=True)]
    speed = [old + _TRUST * (new - old) for new, old in zip(measured, track.speed, strict=True)]
    return Track(track.id, _floats(box), detection, time, track.hits + 1, (speed[0], speed[1]))


def _pair(known: Sequence[FloatBox], boxes: Sequence[FloatBox]) -> dict[int, int]:
    """Pair expected with detected boxes, the most alike first; each at most once: index in `known` → index in `boxes`."""
    alike = [(likeness(old, new), i, j) for i, old in enumerate(known) for j, new in enumerate(boxes)]
    pairs: dict[int, int] = {}
    for score, i, j in sorted(alike, key=lambda item: (-item[0], item[1], item[2])):
        if score > 0 and i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def likeness(a: FloatBox, b: FloatBox) -> float:
    """Return how well two boxes could be one face: 1 + IoU if they overlap enough, 0–1 if they are near and alike in size, else 0."""
    shared = overlap(a, b)
    if shared >= _ENOUGH_OVERLAP:
        return 1 + shared
    side_a, side_b = (a[2] + a[3]) / 2, (b[2] + b[3]) / 2
    distance = math.dist(_center(a), _center(b)) / max((side_a + side_b) / 2, 1e-9)
    if distance > _NEAR or max(side_a, side_b) > _ALIKE * min(side_a, side_b):
        return 0.0
    return 1 - distance / (2 * _NEAR)


def overlap(a: FloatBox, b: FloatBox) -> float:
    """Return the intersection over union (IoU) of two boxes (x, y, width, height), 0–1.

    >>> overlap((0, 0, 2, 2), (1, 0, 2, 2))
    0.3333333333333333
    """
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    union = a[2] * a[3] + b[2] * b[3] - shared
    return shared / union if union > 0 else 0.0


def _center(box: FloatBox) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def _floats(box: FloatBox) -> FloatBox:
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])
