"""Frames that were shown before, by anybody: bits of each, for a while, in this process's memory. Who replays them is found out."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from app.captcha.alarm import Alarm
from app.captcha.cues import Bits

_ALIKE = 10  # of 512 bits; frames of one person half a second apart differ by 11 or more (reports/spoof.md)


class SeenFrames:
    """Bits of the frames of the last challenges; from them no picture can be made again.

    Args:
        most: frames that are remembered at most; older ones are forgotten first.
        life: seconds for which they are; then they go, whether somebody comes or not. Infinite: only `most` counts.
        clock: seconds that never run backwards.
    """

    def __init__(self, most: int = 20_000, life: float = 3600.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._life, self._clock, self._lock = most, life, clock, threading.Lock()
        self._parts: deque[tuple[float, object, npt.NDArray[np.uint64]]] = deque()
        self._count = 0
        self._alarm = Alarm()

    def holds(self, bits: Bits, owner: object) -> bool:
        """Whether a frame was shown in another challenge than the owner's; `bits` are those of `cues.hash_of`."""
        asked = _packed(bits[None])[0]
        with self._lock:
            self._forget()
            parts = [part for _, by, part in self._parts if by is not owner]
        return any(bool((np.bitwise_count(part ^ asked).sum(axis=1) <= _ALIKE).any()) for part in parts)

    def add(self, frames: Sequence[Bits], owner: object) -> None:
        """Remember frames of an owner's challenge."""
        if not frames:
            return
        with self._lock:
            self._parts.append((self._clock(), owner, _packed(np.stack(frames))))
            self._count += len(frames)
            self._forget()
            self._wait()

    def _forget(self) -> None:
        while self._parts and (self._count > self._most or self._parts[0][0] <= self._clock() - self._life):
            self._count -= len(self._parts.popleft()[2])

    def _wait(self) -> None:
        """Come back when the oldest has to go: the promise of an hour holds also if nobody plays any more."""
        if self._parts and math.isfinite(self._life):
            self._alarm.set(self._parts[0][0] + self._life - self._clock(), self._come_back)

    def _come_back(self) -> None:
        with self._lock:
            self._forget()
            self._wait()

    def __len__(self) -> int:
        return self._count


def _packed(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(np.packbits(bits, axis=1)).view(np.uint64)
