"""The geometry of a turned square in an image: where it lies, and cutting it out."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from fersys.results import Box, Image

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Square:
    """A square in an image, which it may leave.

    Attributes:
        x, y: its centre in pixels; a pixel's own centre lies at + 0.5.
        side: in pixels, above 0.
        angle: by how many degrees it is turned clockwise.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def moved(self, right: float, down: float) -> "Square":
        """The square moved along its own sides, by so many pixels."""
        sine, cosine = math.sin(math.radians(self.angle)), math.cos(math.radians(self.angle))
        return Square(self.x + cosine * right - sine * down, self.y + sine * right + cosine * down, self.side, self.angle)


def angle_of(landmarks: npt.NDArray[np.float32]) -> float:
    """Return by how many degrees, −180 to 180, the line between the first two points is turned clockwise; 0 without points.

    Args:
        landmarks: float32 (k, 2); the first two are the eyes, as `Detection.landmarks` has them.
    """
    if len(landmarks) < 2:
        return 0.0
    right, down = (landmarks[1] - landmarks[0]).tolist()
    return math.degrees(math.atan2(down, right))


def view_matrix(square: Square, size: int) -> Matrix:
    """Return float64 (2, 3): from points of a view of `size` × `size` pixels to points of the image.

    Points are measured from the corner of the first pixel, not from its centre.
    """
    scale, angle = square.side / size, math.radians(square.angle)
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.column_stack([turn, np.array([square.x, square.y]) - turn.sum(axis=1) * size / 2])


def to_image(points: npt.NDArray[np.floating], matrix: Matrix) -> npt.NDArray[np.float32]:
    """Return points (n, 2) of a view as float32 points of the image, by the matrix of `view_matrix`."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)


def view(image: Image, square: Square, size: int) -> Image:
    """Return what a square shows, turned upright and resampled linearly.

    Args:
        image: RGB uint8 (H, W, 3).
        square: what to show.
        size: side of the view in pixels.

    Returns:
        RGB uint8 (size, size, 3); beyond the border the image's last pixels are repeated.
    """
    part, left, top = _around(image, square)
    matrix = view_matrix(replace(square, x=square.x - left, y=square.y - top), size)
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # OpenCV measures from the centres of pixels
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


def _around(image: Image, square: Square) -> tuple[Image, int, int]:
    """The part of an image that a square reaches, not copied, and where it begins: OpenCV refuses to warp 32,767 pixels or more."""
    reach = math.ceil(square.side * math.sqrt(0.5)) + 1
    (left, right), (top, bottom) = (_span(centre, reach, length) for centre, length in ((square.x, image.shape[1]), (square.y, image.shape[0])))
    return image[top:bottom, left:right], left, top


def _span(centre: float, reach: int, length: int) -> tuple[int, int]:
    """First and last + 1 of the pixels near a place, of those that there are; at least the last one that there is."""
    first = min(max(math.floor(centre) - reach, 0), length - 1)
    return first, max(first + 1, min(math.ceil(centre) + reach, length))


def box_of(square: Square, image: Image) -> Box:
    """Return the square without its turn as whole pixels, moved (and if need be shrunk) into the image."""
    side = min(max(1, round(square.side)), *image.shape[:2])
    left = min(max(round(square.x - side / 2), 0), image.shape[1] - side)
    top = min(max(round(square.y - side / 2), 0), image.shape[0] - side)
    return left, top, side, side


def cut(image: Image, square: Square) -> Image:
    """Cut a square out at the image's own scale.

    An upright square is copied pixel by pixel. Only a turned one is resampled, once, linearly: at
    this scale the difference to cubic is lost when the crop is shrunk to 48 pixels (reports/alignment.md).

    Returns:
        RGB uint8 (side, side, 3), a copy; beyond the border the image's last pixels are repeated.
    """
    side = max(1, round(square.side))
    if square.angle:
        return view(image, square, side)
    left, top = round(square.x - side / 2), round(square.y - side / 2)
    if min(left, top) >= 0 and top + side <= image.shape[0] and left + side <= image.shape[1]:
        return image[top : top + side, left : left + side].copy()
    rows, columns = np.arange(side) + top, np.arange(side) + left
    return np.ascontiguousarray(image[np.ix_(rows.clip(0, image.shape[0] - 1), columns.clip(0, image.shape[1] - 1))])
