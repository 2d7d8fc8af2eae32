"""What the core hands out: a face that was found, and what a model makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fersys.errors import ModelError
from fersys.labels import EMOTIONS

Image = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Face:
    """One face in an image.

    Attributes:
        box: (x, y, width, height) in pixels of the image; it lies inside.
        score: how sure the detector is; its scale is the detector's own, higher is surer.
        landmarks: float32 (k, 2), points (x, y) in pixels of the image; k = 0 if there are none.
        crop: RGB uint8 (side, side, 3), the square that every recogniser is given.
    """

    box: Box
    score: float
    landmarks: npt.NDArray[np.float32]
    crop: Image


@dataclass(frozen=True)
class Prediction:
    """What one model says of one face.

    Attributes:
        model: name of the model.
        scores: probability 0–1 of each expression, in the order of `EMOTIONS`; they sum to 1.
    """

    model: str
    scores: dict[str, float]

    @property
    def label(self) -> str:
        """The most probable expression."""
        return max(self.scores, key=self.scores.__getitem__)

    @property
    def score(self) -> float:
        """The probability of `label`, 0–1."""
        return self.scores[self.label]


def to_prediction(model: str, probabilities: Sequence[float] | npt.NDArray[np.float32]) -> Prediction:
    """Name the seven probabilities of one face, given in the order of `EMOTIONS`.

    Raises:
        ModelError: if there are not seven of them.
    """
    if len(probabilities) != len(EMOTIONS):
        raise ModelError(f"{model}: expected {len(EMOTIONS)} probabilities. Received: {len(probabilities)}")
    return Prediction(model, {name: float(value) for name, value in zip(EMOTIONS, probabilities, strict=True)})
