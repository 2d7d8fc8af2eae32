"""Smooths probabilities over time: what a face shows changes slower than what a network says of single frames.

Exponential smoothing with a half-life: what was said so many seconds ago counts half. It is exact
for frames at irregular times, since an older answer weighs 2^(−Δt / half-life), whatever the
number of frames since. Pure: times come in with the probabilities.
"""

import math

import numpy as np
import numpy.typing as npt

from fersys.errors import ConfigError, ModelError
from fersys.labels import EMOTIONS
from fersys.tracking import TrackerConfig

HALF_LIFE = 0.4  # seconds; how often the label changes with which, on one video of one face: reports/following.md
RESET = TrackerConfig.keep  # seconds; whom the tracker has forgotten is somebody else
Rows = npt.NDArray[np.float32]


def weight_of_past(passed: float, half_life: float) -> float:
    """Return how much what was known weighs after some time: 2^(−passed / half_life), 0–1.

    >>> weight_of_past(0.4, 0.4), weight_of_past(0.8, 0.4), weight_of_past(0.1, 0)
    (0.5, 0.25, 0.0)
    """
    return 2.0 ** (-passed / half_life) if half_life > 0 else 0.0


class Smoother:
    """Smooths the answers about several faces, told apart by their track ids. One a video; not for several threads.

    >>> import numpy as np
    >>> smoother = Smoother(half_life=0.4)
    >>> happy, sad = np.eye(7, dtype=np.float32)[[3, 4]]
    >>> smoother.update(1, happy, 0.0)[3].item()  # the first answer counts in full
    1.0
    >>> smoother.update(1, sad, 0.4)[3].item()  # half is left after a half-life
    0.5

    Args:
        half_life: seconds, ≥ 0; 0 smooths nothing.
        reset: seconds after which a face is begun anew. Frames may be further apart than that: an answer of the last moment before this
            one counts, however long ago that was.

    Raises:
        ConfigError: if either is out of its range.
    """

    def __init__(self, half_life: float = HALF_LIFE, reset: float = RESET) -> None:
        if not (0 <= half_life < math.inf and reset > 0):
            raise ConfigError(f"Smoothing: expected a half-life from 0 and a reset above 0, in seconds. Received: {half_life}, {reset}")
        self._half_life, self._reset = half_life, reset
        self._known: dict[int, tuple[float, Rows]] = {}
        self._before = self._now = -math.inf  # the last two moments of which something was said

    def update(self, track: int, probabilities: Rows, time: float) -> Rows:
        """Take what is said of a face and return it smoothed.

        Args:
            track: id of the face.
            probabilities: (7,), 0–1, summing to 1.
            time: in seconds; not before that of this face's last call.

        Returns:
            float32 (7,), 0–1, summing to 1.

        Raises:
            ModelError: if there are not seven probabilities.
            ConfigError: if time runs backwards.
        """
        new = np.asarray(probabilities, np.float64)
        if new.shape != (len(EMOTIONS),):
            raise ModelError(f"Smoothing: expected {len(EMOTIONS)} probabilities. Received: {new.shape}")
        before, old = self._known.get(track, (-math.inf, new))
        if not time >= before:
            raise ConfigError(f"Smoothing: expected answers in the order of their times. Received: {time} s after {before} s")
        if time > self._now:
            self._before, self._now = self._now, time
        past = weight_of_past(time - before, self._half_life) if self._counts(before, time) else 0.0
        smooth = np.asarray(past * old + (1 - past) * new, np.float32)
        self._known[track] = (time, smooth)
        self._forget(time)
        return smooth

    def last(self, track: int, time: float) -> Rows | None:
        """Return what was last said of a face, float32 (7,); None if nothing was within `reset` seconds."""
        before, rows = self._known.get(track, (-math.inf, None))
        return rows if time - before <= self._reset else None

    def _counts(self, before: float, time: float) -> bool:
        return time - before <= self._reset or before >= self._before > -math.inf

    def _forget(self, time: float) -> None:
        """Drop faces that are gone: a long video has many."""
        for track in [track for track, (before, _) in self._known.items() if not self._counts(before, time)]:
            del self._known[track]
