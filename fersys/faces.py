"""Finds the faces in an image and cuts each as a square crop."""

from functools import cache
from pathlib import Path
from threading import Lock

import cv2
import cv2.data
import numpy as np

from fersys.errors import ModelError
from fersys.images import check_image
from fersys.results import Box, Face, Image

# Of OpenCV's cascades alt2 gives the fewest false alarms (it ignores cats and flowers).
_CASCADE = "haarcascade_frontalface_alt2.xml"
_SEARCH_SIDE = 640  # longer side of the image that is searched, in pixels
_SMALLEST = 24  # smallest face in the searched image, in pixels
_MIN_NEIGHBORS = 4
# FER2013 frames are this much larger than the box that the cascade finds in them, and share its
# centre: medians over the 1,228 of 1,500 Training images in which it finds one (LOG.md).
_FRAME = 1.04
_ONE_AT_A_TIME = Lock()  # a cascade keeps the image it searches: two threads would search each other's


def detect(image: Image) -> list[Face]:
    """Find all upright, roughly frontal faces, the largest first.

    Args:
        image: RGB uint8 (H, W, 3) of any size.

    Returns:
        faces with square boxes inside the image; `score` is the cascade's stage weight;
        no landmarks.

    Raises:
        ImageError: if the image is not RGB uint8.
    """
    check_image(image)
    boxes, weights = _search(image)
    found = [Face(box, weight, np.empty((0, 2), np.float32), cut(image, box)) for box, weight in zip(boxes, weights, strict=True)]
    return sorted(found, key=lambda face: face.box[2], reverse=True)


def _search(image: Image) -> tuple[list[Box], list[float]]:
    scale = min(1.0, _SEARCH_SIDE / max(image.shape[:2]))
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])  # a strip must not vanish
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else gray
    with _ONE_AT_A_TIME:
        rectangles, _, weights = _cascade().detectMultiScale3(
            cv2.equalizeHist(small), scaleFactor=1.1, minNeighbors=_MIN_NEIGHBORS, minSize=(_SMALLEST, _SMALLEST), outputRejectLevels=True
        )
    boxes = [tuple(round(float(value) / scale) for value in rectangle) for rectangle in rectangles]
    return [_framed(box, image) for box in boxes], [float(weight) for weight in weights]


@cache
def _cascade() -> cv2.CascadeClassifier:
    path = Path(cv2.data.haarcascades) / _CASCADE
    cascade = cv2.CascadeClassifier(str(path))
    if cascade.empty():
        raise ModelError(f"OpenCV's face cascade is missing: expected {_CASCADE} in the opencv package. Received: {path}")
    return cascade


def _framed(box: tuple[int, ...], image: Image) -> Box:
    """The square that FER2013 would cut around the box, moved (and if need be shrunk) into the image."""
    x, y, width, height = box
    side = min(round(_FRAME * max(width, height)), *image.shape[:2])
    left = min(max(x + (width - side) // 2, 0), image.shape[1] - side)
    top = min(max(y + (height - side) // 2, 0), image.shape[0] - side)
    return left, top, side, side


def cut(image: Image, box: Box) -> Image:
    """Return the part of an RGB uint8 image inside a box (x, y, width, height) that lies within it."""
    x, y, width, height = box
    return np.ascontiguousarray(image[y : y + height, x : x + width])
