"""What every recogniser promises."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fersys.results import Image

Probabilities = npt.NDArray[np.float32]


class Recognizer(Protocol):
    """Says of face crops which expression they show. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The model's name, as shown beside its answers."""
        ...

    @property
    def certainty(self) -> float:
        """The top probability, 0–1, below which an answer is "not sure"; 0: never."""
        ...

    def predict(self, crops: Sequence[Image]) -> Probabilities:
        """Return float32 (n, 7), columns in the order of `EMOTIONS`, rows summing to 1.

        Args:
            crops: RGB uint8 (H, W, 3) each, of any size; n = 0 is allowed.

        Raises:
            ImageError: if a crop is not an RGB uint8 image.
        """
        ...
