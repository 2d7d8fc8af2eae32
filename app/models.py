"""The models behind the page: found on disk or on a hub, loaded once, warmed up; our CNNs on one side, DeepFace's arms on the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fersys import detect, load
from fersys.config import read_config
from fersys.errors import ConfigError, ModelError, PackageError
from fersys.measurements import SPLITS, Measurement, read_measurements
from fersys.package import SHIPPED, is_built_in, locate
from fersys.recognizers import BUILT_IN
from fersys.recognizers.base import Recognizer

__all__ = [
    "CNN_SHOWN",
    "DEEPFACE_SHOWN",
    "SPLITS",
    "Absent",
    "Arms",
    "Measurement",
    "Model",
    "find_shipped",
    "load_arms",
    "load_models",
    "named_refs",
    "read_measurements",
]

SHIPPED_FOLDER = Path(__file__).resolve().parents[1] / SHIPPED
# Shown if nobody names models, in this order; the first of a side is chosen at the start.
CNN_SHOWN = ("fersys-cnn", "fersys-cnn-paper")
DEEPFACE_SHOWN = ("fersys-deepface", "deepface-head")
_VARIABLES = {"cnn": "FERSYS_CNN", "deepface": "FERSYS_DEEPFACE"}  # what hosts set where there is no command line
Ref = str | Path


@dataclass(frozen=True)
class Model:
    """A loaded recogniser and what was measured of it.

    Attributes:
        recognizer: what answers.
        measurements: none if its package has none.
        folder: its package; None if it comes with a library.
    """

    recognizer: Recognizer
    measurements: tuple[Measurement, ...] = ()
    folder: Path | None = None

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


@dataclass(frozen=True)
class Arms:
    """The models of the page's two columns; names are unique, the first of a side is chosen at the start.

    Attributes:
        cnn: our own networks; at least one.
        deepface: DeepFace's arms; none if its library is not installed.
        absent: those that would be shown if they could be run here.
    """

    cnn: tuple[Model, ...]
    deepface: tuple[Model, ...] = ()
    absent: tuple[Absent, ...] = ()

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        if not self.cnn or len(set(names)) != len(names):
            raise ConfigError(f"Models: expected at least one CNN, and different names. Received: {', '.join(names) or 'none'}")

    @property
    def models(self) -> tuple[Model, ...]:
        """All of them, the CNNs first."""
        return (*self.cnn, *self.deepface)

    def pick(self, *names: str | None) -> tuple[Model, ...]:
        """Return a model of each side: the one that is among `names`, or else the side's first."""
        sides = [side for side in (self.cnn, self.deepface) if side]
        return tuple(next((model for model in side if model.name in names), side[0]) for side in sides)


def named_refs(side: str, named: Sequence[Ref] | None, environment: Mapping[str, str]) -> Sequence[Ref]:
    """Return the models that somebody named for a side: on the command line, or else in the environment (split at spaces)."""
    return named or environment.get(_VARIABLES[side], "").split()


def find_shipped(names: Sequence[str], folder: Path = SHIPPED_FOLDER) -> list[Path]:
    """Return the folders of those shipped packages that are there, in the order given."""
    return [folder / name for name in names if (folder / name).is_dir()]


def load_models(refs: Sequence[Ref]) -> list[Model]:
    """Load each model once and run it once, so that the first visitor does not wait.

    Args:
        refs: packages, references to a hub, or words such as "deepface": see `fersys.load`, which fetches what is not here.

    Raises:
        PackageError: if a folder is no package, or damaged.
        ModelError: if its network cannot be run, or its library or weights are missing.
    """
    blank = np.zeros((64, 64, 3), np.uint8)
    detect(blank)
    models = [_load(ref) for ref in refs]
    for model in models:
        model.recognizer.predict([blank])
    return models


def _load(ref: Ref) -> Model:
    place = locate(ref)
    return Model(load(place), read_measurements(place), place) if isinstance(place, Path) else Model(load(place))


def load_arms(cnn: Sequence[Ref] = (), deepface: Sequence[Ref] = (), folder: Path = SHIPPED_FOLDER) -> Arms:
    """Load the models of both sides: those named, or else the shipped ones, and of what is built in what needs no fetching.

    Raises:
        PackageError: if a package that was named is none or is damaged, or no CNN is there.
        ModelError: if a model that was named, or no CNN, can be run.
    """
    absent: list[Absent] = []
    left = load_models(cnn) if cnn else _load_those_here(find_shipped(CNN_SHOWN, folder), absent)
    if not left:
        reason = absent[-1].reason if absent else "none"
        raise PackageError(f"No model to show: expected {' or '.join(CNN_SHOWN)} in {folder}, or a package named with --cnn. Received: {reason}")
    right = load_models(deepface) if deepface else _load_those_here([*find_shipped(DEEPFACE_SHOWN, folder), *_built_in(absent)], absent)
    return Arms(tuple(left), tuple(right), tuple(absent))


def _built_in(absent: list[Absent]) -> list[str]:
    """Words of the built-in models that could answer now; the others are noted."""
    absent += [Absent(about.title, reason) for about in BUILT_IN.values() if (reason := about.missing())]
    return [word for word, about in BUILT_IN.items() if not about.missing()]


def _load_those_here(refs: Sequence[Ref], absent: list[Absent]) -> list[Model]:
    models: list[Model] = []
    for ref in refs:
        try:
            models += load_models([ref])
        except ModelError as error:
            absent.append(Absent(_title(ref), str(error)))
    return models


def _title(ref: Ref) -> str:
    return BUILT_IN[str(ref)].title if is_built_in(ref) else read_config(Path(ref)).title or Path(ref).name
