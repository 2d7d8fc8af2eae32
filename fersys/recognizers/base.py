"""What every recogniser promises."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fersys.config import ModelConfig
from fersys.results import Image

Probabilities = npt.NDArray[np.float32]


class Recognizer(Protocol):
    """Says of face crops which expression they show. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The model's name, by which programs and tables tell its answers."""
        ...

    @property
    def title(self) -> str:
        """What people are shown beside its answers; often the name."""
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


class PackageRecognizer:
    """What every recogniser of a package says of itself; it lacks `predict` alone."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The model's name, by which programs and tables tell its answers."""
        return self._config.name

    @property
    def title(self) -> str:
        """What people are shown beside its answers; the name, if the package says nothing else."""
        return self._config.title or self._config.name

    @property
    def certainty(self) -> float:
        """The top probability, 0–1, below which an answer is "not sure"; 0: never."""
        return self._config.certainty


@dataclass(frozen=True)
class BuiltIn:
    """A model that is loaded by a word instead of a folder: a library's own, with the library's own weights.

    Attributes:
        title: what people are shown beside its answers.
        load: opens it, fetching its weights as the library does if they are not there; raises
            ModelError if it cannot be had.
        weights: the file that its weights are looked for in.
        missing: why it could not answer now without fetching anything, for a person; empty if it could.
    """

    title: str
    load: Callable[[], Recognizer]
    weights: Callable[[], Path]
    missing: Callable[[], str]
