"""The models behind the page: found on disk, loaded once, warmed up."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fersys import detect, load
from fersys.config import read_object
from fersys.errors import PackageError
from fersys.package import METRICS_FILE, SHIPPED
from fersys.recognizers.base import Recognizer

SHIPPED_FOLDER = Path(__file__).resolve().parents[1] / SHIPPED
SHOWN = ("fersys-cnn", "fersys-cnn-paper")  # in this order
SPLITS = ("validation", "test")


@dataclass(frozen=True)
class Measurement:
    """How well a model does on one split, as its package's `metrics.json` says.

    Attributes:
        split: name of the split.
        images: number of images in it.
        accuracy: share of right answers, 0–1.
        macro_f1: mean F1 of the seven expressions, 0–1.
    """

    split: str
    images: int
    accuracy: float
    macro_f1: float


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


def read_measurements(folder: Path) -> tuple[Measurement, ...]:
    """Read accuracy and macro-F1 of `SPLITS` from a package; none if it was not measured.

    Raises:
        PackageError: if `metrics.json` is damaged.
    """
    path = folder / METRICS_FILE
    if not path.is_file():
        return ()
    content = read_object(path, "not measured")
    try:
        splits = content["splits"]
        return tuple(_measurement(split, splits[split]) for split in SPLITS if split in splits)
    except (KeyError, TypeError, ValueError) as error:
        raise PackageError(f"{path} is damaged: expected n, accuracy and macro_f1 of each split. Received: {error!r}") from error


def _measurement(split: str, values: dict[str, Any]) -> Measurement:
    return Measurement(split, int(values["n"]), float(values["accuracy"]), float(values["macro_f1"]))
