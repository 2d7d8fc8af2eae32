"""What `fersys webcam` does: a line in the terminal says live what the largest face shows. No frame touches the disk."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

import cv2
import numpy as np

from fersys.errors import VideoError
from fersys.following import Followed, Follower
from fersys.predicting import bar

NOTICE = (
    "Expression recognition will run on the pictures of this computer's camera.\n"
    "They are looked at in memory: none is stored, and none leaves this computer. Ctrl+C stops it and releases the camera."
)
_PACE = 0.9  # weight of the past in the running mean of the time between frames
_WIDTH = 78
_MOST_CAMERAS = 1 << 31  # OpenCV takes an int of C; it means other things by negative ones, or crashes


class Capture(Protocol):
    """What is needed of an open camera."""

    def read(self) -> tuple[bool, Any]:
        """The next frame: whether there is one, and its BGR uint8 (H, W, 3)."""
        ...


@contextmanager
def opened(number: int) -> Iterator[Capture]:
    """Open a camera and release it in the end.

    Args:
        number: counted by the system from 0.

    Raises:
        VideoError: if there is none with this number.
    """
    if not 0 <= number < _MOST_CAMERAS:
        raise VideoError(f"No camera: expected a number from 0 to {_MOST_CAMERAS - 1}. Received: {number}")
    capture = cv2.VideoCapture(number)
    try:
        if not capture.isOpened():
            raise VideoError(f"No camera: expected one that is connected and not in use. Received: camera {number}")
        yield capture
    finally:
        capture.release()


def watch(capture: Capture, follower: Follower, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
    """Write a line over itself for each frame, until the camera ends or Ctrl+C.

    Args:
        capture: an open camera.
        follower: a fresh one.
        out: a terminal.
        clock: seconds, from any beginning.

    Raises:
        VideoError: if the camera gives no picture at all.
    """
    begin, before, mean, seen = clock(), None, 0.0, False
    while True:
        more, pixels = capture.read()
        if not more:
            break
        now, seen = clock() - begin, True
        if before is not None:
            mean = now - before if mean == 0 else _PACE * mean + (1 - _PACE) * (now - before)
        before = now
        faces = follower.follow(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8), now)
        out.write("\r" + line(faces, 1 / mean if mean > 0 else 0.0).ljust(_WIDTH))
        out.flush()
    out.write("\n")
    if not seen:
        raise VideoError("The camera gives no picture: expected one that is not in use. Received: nothing")


def line(faces: Sequence[Followed], rate: float) -> str:
    """Return what is said of a frame: the largest face's expression, a bar, the number of faces, frames a second."""
    if not faces:
        return f"no face{'':<36}{rate:4.0f} fps"
    largest = max(faces, key=lambda face: face.box[2] * face.box[3])
    said = largest.prediction
    count = f"{len(faces)} face{'s' if len(faces) > 1 else ''}"
    return f"{said.verdict:<9}{bar(said.score)} {said.label:>8} {said.score:4.0%}  {count:<8} {rate:4.0f} fps"
