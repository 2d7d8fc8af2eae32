"""The models behind the page: found on disk, loaded once, warmed up."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fersys import detect, load
from fersys.errors import PackageError
from fersys.measurements import SPLITS, Measurement, read_measurements
from fersys.package import SHIPPED
from fersys.recognizers.base import Recognizer

__all__ = ["SHOWN", "SPLITS", "Measurement", "Model", "find_shipped", "load_models", "read_measurements"]

SHIPPED_FOLDER = Path(__file__).resolve().parents[1] / SHIPPED
SHOWN = ("fersys-cnn", "fersys-cnn-paper")  # in this order


@dataclass(frozen=True)
class Model:
    """A loaded recogniser and what was measured of it; no measurements if its package has none."""

    recognizer: Recognizer
    measurements: tuple[Measurement, ...] = ()

    @property
    def name(self) -> str:
        """The name shown beside the model's answers."""
        return self.recognizer.name


def find_shipped(folder: Path = SHIPPED_FOLDER) -> list[Path]:
    """Return the folders of the shipped packages that are there, the best model first.

    Raises:
        PackageError: if none is.
    """
    found = [folder / name for name in SHOWN if (folder / name).is_dir()]
    if not found:
        raise PackageError(f"No model to show: expected {' or '.join(SHOWN)} in {folder}, or a package named with --models. Received: none")
    return found


def load_models(folders: Sequence[Path]) -> list[Model]:
    """Load each package once and run it once, so that the first visitor does not wait.

    Raises:
        PackageError: if a folder is no package, or damaged.
        ModelError: if its network cannot be run.
    """
    models = [Model(load(folder), read_measurements(folder)) for folder in folders]
    blank = np.zeros((64, 64, 3), np.uint8)
    detect(blank)
    for model in models:
        model.recognizer.predict([blank])
    return models
