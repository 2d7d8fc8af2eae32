"""What the core hands out: a face that was found, and what a model makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fersys.errors import ModelError
from fersys.labels import EMOTIONS

Image = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]

NOT_SURE = "not sure"  # shown in place of an expression whose probability is too low


@dataclass(frozen=True, eq=False)
class Face:
    """One face in an image.

    Attributes:
        box: (x, y, width, height) in pixels of the image; it lies inside.
        score: how sure the detector is, 0–1; scores of two detectors cannot be compared.
        landmarks: float32 (k, 2), points (x, y) in pixels of the image: eye, eye, nose, mouth, ear, ear, of
            each pair first the one on the left of an upright picture; k = 0 if there are none.
        crop: RGB uint8 (side, side, 3), the square that every recogniser is given, turned upright;
            beyond the image's border its last pixels are repeated.
        angle: by how many degrees the eye line leans clockwise, −180 to 180; 0 without landmarks.
    """

    box: Box
    score: float
    landmarks: npt.NDArray[np.float32]
    crop: Image
    angle: float = 0.0


@dataclass(frozen=True)
class Prediction:
    """What one model says of one face.

    Attributes:
        model: name of the model.
        scores: probability 0–1 of each expression, in the order of `EMOTIONS`; they sum to 1.
        certain: whether `score` reaches the model's certainty; if not, `label` is little more than a guess.
        title: what people are shown for the model; empty: its name.
    """

    model: str
    scores: dict[str, float]
    certain: bool = True
    title: str = ""

    @property
    def shown_as(self) -> str:
        """What to call the model before a person."""
        return self.title or self.model

    @property
    def label(self) -> str:
        """The most probable expression."""
        return max(self.scores, key=self.scores.__getitem__)

    @property
    def score(self) -> float:
        """The probability of `label`, 0–1."""
        return self.scores[self.label]

    @property
    def verdict(self) -> str:
        """What to tell a person: `label`, or "not sure"."""
        return self.label if self.certain else NOT_SURE


def to_prediction(model: str, probabilities: Sequence[float] | npt.NDArray[np.float32], certainty: float = 0.0, title: str = "") -> Prediction:
    """Name the seven probabilities of one face, given in the order of `EMOTIONS`.

    Args:
        model: name of the model.
        probabilities: float (7,), 0–1, summing to 1.
        certainty: the top probability, 0–1, that makes the answer certain, as `Recognizer.certainty` says.
        title: what people are shown for the model, as `Recognizer.title` says; empty: its name.

    Raises:
        ModelError: if there are not seven of them.
    """
    if len(probabilities) != len(EMOTIONS):
        raise ModelError(f"{model}: expected {len(EMOTIONS)} probabilities. Received: {len(probabilities)}")
    scores = {name: float(value) for name, value in zip(EMOTIONS, probabilities, strict=True)}
    return Prediction(model, scores, max(scores.values()) >= certainty, title)
