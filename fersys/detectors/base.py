"""What every face detector promises."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fersys.results import Image


@dataclass(frozen=True, eq=False)
class Detection:
    """A face as a detector found it, before it is cut.

    Attributes:
        box: (x, y, width, height) in pixels of the image, not rounded; it may leave the image.
        score: 0–1, higher is surer. Scores of two detectors cannot be compared.
        landmarks: float32 (k, 2), points (x, y) in pixels of the image: eye, eye, nose, mouth, ear,
            ear, of each pair first the one on the left of an upright picture; k = 0 if there are none.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Framing:
    """The square that FER2013 would cut, in terms of a detector's box; measured (LOG.md).

    Attributes:
        scale: side of the square ÷ longer side of the box.
        down: from the centre of the box to that of the square, towards the chin, ÷ longer side of the box.
    """

    scale: float
    down: float = 0.0


class Detector(Protocol):
    """Finds faces. Safe to call from several threads."""

    @property
    def framing(self) -> Framing:
        """How FER2013 frames what this detector boxes."""
        ...

    def find(self, image: Image) -> list[Detection]:
        """Return all faces of an RGB uint8 (H, W, 3) image of any size, in any order."""
        ...
