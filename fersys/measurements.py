"""How well a model was measured to do, as its package says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.config import read_object
from fersys.errors import PackageError
from fersys.package import METRICS_FILE

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
