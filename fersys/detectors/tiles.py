"""Second looks at parts of a large image, for faces that are too small in the whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fersys.detectors.base import Detection
from fersys.results import Image

_LEAST_SIDE = 512  # of a tile in pixels: BlazeFace finds faces from about 28 px in it; smaller ones show no expression
# An image gets tiles of a sixth of its longer side if that is more: 48 for a 4:3 photo. A face of 36 px in 3000×2000, which gets 40,
# is found at 22 of 24 places; with tiles of a fifth (35) at 15, of a quarter (20) at 1.
_MOST_ROWS = 6
_STEP = 0.75  # from tile to tile, ÷ side: so that a face up to a quarter of a tile lies whole in one
_LARGEST = 0.6  # of a tile; larger faces are found in the whole image


@dataclass(frozen=True)
class Window:
    """A tile: the part (x, y, width, height) of an image, in pixels, that lies within it."""

    x: int
    y: int
    width: int
    height: int

    def cut(self, image: Image) -> Image:
        """Return the tile's pixels, not copied."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]

    def inside(self, found: Sequence[Detection]) -> Iterator[Detection]:
        """Hand out, in pixels of the image, what is not too large for a tile."""
        for face in found:
            x, y, width, height = face.box
            if max(width, height) <= _LARGEST * max(self.width, self.height):
                corner = np.array([self.x, self.y], np.float32)
                yield replace(face, box=(x + self.x, y + self.y, width, height), landmarks=face.landmarks + corner)


def windows(image: Image) -> list[Window]:
    """Return the tiles of an RGB image (H, W, 3), if it is at least twice as long as the least tile; else none."""
    height, width = image.shape[:2]
    side = max(_LEAST_SIDE, -(-max(height, width) // _MOST_ROWS))
    if max(height, width) < 2 * _LEAST_SIDE:
        return []
    return [Window(x, y, min(side, width), min(side, height)) for y in _starts(height, side) for x in _starts(width, side)]


def _starts(length: int, side: int) -> list[int]:
    """Where tiles of a side begin, evenly, so that they overlap enough and the last one ends at the end."""
    rest = max(0, length - side)
    return [int(start) for start in np.linspace(0, rest, 1 + int(np.ceil(rest / (_STEP * side))))]
