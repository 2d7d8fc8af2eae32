"""OpenCV's Haar cascade: no network, no landmarks; slow, and blind to turned faces."""

from pathlib import Path
from threading import Lock

import cv2
import cv2.data
import numpy as np

from fersys.detectors.base import Detection, Framing
from fersys.errors import ModelError
from fersys.results import Image

# Of OpenCV's cascades alt2 gives the fewest false alarms (it ignores cats and flowers).
_CASCADE = "haarcascade_frontalface_alt2.xml"
_SEARCH_SIDE = 640  # longer side of the image that is searched, in pixels
_SMALLEST = 24  # smallest face in the searched image, in pixels
_MIN_NEIGHBORS = 4
_SUREST = 100.0  # the weight of the last stage lies below this
# Medians over the 1,228 of 1,500 Training images in which it finds a face (LOG.md).
_FRAMING = Framing(1.04)


class Haar:
    """The cascade. Calls wait for one another: it keeps the image it searches."""

    def __init__(self, cascade: cv2.CascadeClassifier) -> None:
        self._cascade, self._one_at_a_time = cascade, Lock()

    @property
    def framing(self) -> Framing:
        """How FER2013 frames what this detector boxes."""
        return _FRAMING

    def find(self, image: Image) -> list[Detection]:
        """Return all upright, roughly frontal faces of an RGB uint8 (H, W, 3) image; `score` is the last stage's weight ÷ 100."""
        scale = min(1.0, _SEARCH_SIDE / max(image.shape[:2]))
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])  # a strip must not vanish
        small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else gray
        with self._one_at_a_time:
            boxes, _, weights = self._cascade.detectMultiScale3(
                cv2.equalizeHist(small), scaleFactor=1.1, minNeighbors=_MIN_NEIGHBORS, minSize=(_SMALLEST, _SMALLEST), outputRejectLevels=True
            )
        return [_detection([value / scale for value in box], weight) for box, weight in zip(boxes, weights, strict=True)]


def _detection(box: list[float], weight: float) -> Detection:
    x, y, width, height = map(float, box)
    return Detection((x, y, width, height), min(1.0, max(0.0, float(weight) / _SUREST)), np.empty((0, 2), np.float32))


def open_haar() -> Haar:
    """Open the cascade that comes with OpenCV.

    Raises:
        ModelError: if it is missing.
    """
    path = Path(cv2.data.haarcascades) / _CASCADE
    cascade = cv2.CascadeClassifier(str(path))
    if cascade.empty():
        raise ModelError(f"OpenCV's face cascade is missing: expected {_CASCADE} in the opencv package. Received: {path}")
    return Haar(cascade)
