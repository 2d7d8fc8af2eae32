"""The models behind the page: found on disk, loaded once, warmed up."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fersys import detect, load
from fersys.config import read_config
from fersys.errors import ModelError, PackageError
from fersys.measurements import SPLITS, Measurement, read_measurements
from fersys.package import SHIPPED, is_built_in
from fersys.recognizers import BUILT_IN
from fersys.recognizers.base import Recognizer

__all__ = ["SHOWN", "SPLITS", "Absent", "Measurement", "Model", "find_shipped", "load_models", "load_shown", "read_measurements"]

SHIPPED_FOLDER = Path(__file__).resolve().parents[1] / SHIPPED
SHOWN = ("fersys-cnn", "fersys-deepface", "fersys-cnn-paper")  # in this order


@dataclass(frozen=True)
class Model:
    """A loaded recogniser and what was measured of it; no measurements if its package has none."""

    recognizer: Recognizer
    measurements: tuple[Measurement, ...] = ()

    @property
    def name(self) -> str:
        """The name by which programs tell the model's answers."""
        return self.recognizer.name

    @property
    def title(self) -> str:
        """What people are shown beside the model's answers."""
        return self.recognizer.title


@dataclass(frozen=True)
class Absent:
    """A model that would be shown if it could be run here.

    Attributes:
        title: what people would be shown beside its answers.
        reason: why it cannot, for whoever starts the app; it may name folders.
    """

    title: str
    reason: str


def find_shipped(folder: Path = SHIPPED_FOLDER) -> list[Path]:
    """Return the folders of the shipped packages that are there, the best model first.

    Raises:
        PackageError: if none is.
    """
    found = [folder / name for name in SHOWN if (folder / name).is_dir()]
    if not found:
        raise PackageError(f"No model to show: expected {' or '.join(SHOWN)} in {folder}, or a package named with --models. Received: none")
    return found


def load_models(refs: Sequence[Path]) -> list[Model]:
    """Load each model once and run it once, so that the first visitor does not wait.

    Args:
        refs: packages, or words such as "deepface": see `fersys.load`, which fetches that one's weights.

    Raises:
        PackageError: if a folder is no package, or damaged.
        ModelError: if its network cannot be run, or its library or weights are missing.
    """
    blank = np.zeros((64, 64, 3), np.uint8)
    detect(blank)
    models = [Model(load(ref), () if is_built_in(ref) else read_measurements(ref)) for ref in refs]
    for model in models:
        model.recognizer.predict([blank])
    return models


def load_shown(folder: Path = SHIPPED_FOLDER) -> tuple[list[Model], list[Absent]]:
    """Load what is shown if nobody names models: the shipped packages, and what is built in and needs no fetching.

    Returns:
        the models that can be run here, and those that cannot.

    Raises:
        PackageError: if no package is there, or one is damaged.
        ModelError: if none can be run.
    """
    models: list[Model] = []
    absent = [Absent(about.title, reason) for about in BUILT_IN.values() if (reason := about.missing())]
    for ref in (*find_shipped(folder), *(Path(word) for word, about in BUILT_IN.items() if not about.missing())):
        try:
            models += load_models([ref])
        except ModelError as error:
            absent.append(Absent(_title(ref), str(error)))
    if not models:
        raise ModelError(f"No model can be run. Received: {absent[-1].reason}")
    return models, absent


def _title(ref: Path) -> str:
    return BUILT_IN[str(ref)].title if is_built_in(ref) else read_config(ref).title or ref.name
