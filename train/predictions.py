"""What a model says of every image, in memory and as `predictions.parquet`.

The file holds all that the metrics need, so that anyone can recompute them from it alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from fersys.errors import DataError
from fersys.labels import EMOTIONS
from fersys.recognizers.base import Probabilities, Recognizer
from train.data import Fer2013, ferplus_labels

_BATCH = 256
_MEMBER = "in_"  # column `in_test_clean`: whether the image belongs to the split test_clean

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Predictions:
    """One line an image that was measured.

    Attributes:
        index: int64 (n,), position in the data set as it was read.
        rows: int64 (n,), row in the original CSV, −1 where unknown.
        splits: str (n,), official split.
        labels: int64 (n,), positions in `EMOTIONS`.
        ferplus: int64 (n,), FER+ plurality as positions in `EMOTIONS`, −1 where there is none.
        groups: int64 (n,), images with equal numbers are near twins.
        members: bool masks (n,) by the name of a measured split.
        probabilities: float32 (n, 7), columns in the order of `EMOTIONS`, rows sum to 1.
    """

    index: Indices
    rows: Indices
    splits: npt.NDArray[np.str_]
    labels: Indices
    ferplus: Indices
    groups: Indices
    members: dict[str, npt.NDArray[np.bool_]]
    probabilities: Probabilities

    def of(self, split: str) -> tuple[Probabilities, Indices]:
        """Return the probabilities, float32 (m, 7), and the truth, int64 (m,), of one split's images.

        The truth of `test_ferplus` is the raters' plurality.
        """
        inside = self.members[split]
        return self.probabilities[inside], (self.ferplus if split == "test_ferplus" else self.labels)[inside]


def predict_images(recognizer: Recognizer, images: npt.NDArray[np.uint8]) -> Probabilities:
    """Return float32 (n, 7) for gray uint8 (n, 48, 48) images, shown to the recogniser as RGB."""
    parts = [np.empty((0, len(EMOTIONS)), np.float32)]
    for start in range(0, len(images), _BATCH):
        batch = np.repeat(images[start : start + _BATCH, :, :, None], 3, axis=3)
        parts.append(recognizer.predict(list(batch)))
    return np.concatenate(parts)


def predict_splits(recognizer: Recognizer, data: Fer2013, names: Sequence[str]) -> Predictions:
    """Predict each image of the named splits once.

    Raises:
        DataError: if none of the splits has an image.
    """
    masks = {name: data.splits[name] for name in names if data.splits[name].any()}
    if not masks:
        raise DataError(f"Nothing to measure: expected images in {', '.join(names)}. Received: none")
    index = np.nonzero(np.any(list(masks.values()), axis=0))[0]
    records = data.records
    return Predictions(
        index=index.astype(np.int64),
        rows=records.rows[index],
        splits=records.splits[index],
        labels=records.labels[index],
        ferplus=np.full(len(index), -1) if records.votes is None else ferplus_labels(records.votes[index]),
        groups=data.twins.near[index],
        members={name: mask[index] for name, mask in masks.items()},
        probabilities=predict_images(recognizer, records.images[index]),
    )


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write `predictions.parquet`.

    Columns: index, row, split, label (name), ferplus_label (name or null), group, one `in_<split>`
    a measured split, and one column of float32 probabilities an expression, named after it.
    """
    columns: dict[str, Any] = {
        "index": pa.array(predictions.index, pa.int32()),
        "row": pa.array(predictions.rows, pa.int32()),
        "split": pa.array(predictions.splits.tolist(), pa.string()),
        "label": pa.array(_names(predictions.labels), pa.string()),
        "ferplus_label": pa.array(_names(predictions.ferplus), pa.string()),
        "group": pa.array(predictions.groups, pa.int32()),
    }
    columns |= {_MEMBER + name: pa.array(mask) for name, mask in predictions.members.items()}
    columns |= {name: pa.array(predictions.probabilities[:, i], pa.float32()) for i, name in enumerate(EMOTIONS)}
    pq.write_table(pa.table(columns), path, compression="zstd")


def _names(labels: Indices) -> list[str | None]:
    return [EMOTIONS[label] if label >= 0 else None for label in labels.tolist()]


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote.

    Raises:
        DataError: if the file is missing, is no parquet file, or lacks a column.
    """
    try:
        table = pq.read_table(path)
        return _from_table(table)
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise DataError(f"Cannot read the predictions: expected a file that python -m train evaluate wrote. Received: {path}: {error}") from error


def _from_table(table: Any) -> Predictions:
    def whole_numbers(name: str) -> Indices:
        return np.asarray(table.column(name).to_numpy(), dtype=np.int64)

    members = [name for name in table.column_names if name.startswith(_MEMBER)]
    return Predictions(
        index=whole_numbers("index"),
        rows=whole_numbers("row"),
        splits=np.array(table.column("split").to_pylist(), dtype=np.str_),
        labels=_positions(table.column("label").to_pylist()),
        ferplus=_positions(table.column("ferplus_label").to_pylist()),
        groups=whole_numbers("group"),
        members={name.removeprefix(_MEMBER): np.asarray(table.column(name).to_numpy(), dtype=np.bool_) for name in members},
        probabilities=np.stack([table.column(name).to_numpy() for name in EMOTIONS], axis=1).astype(np.float32),
    )


def _positions(names: list[str | None]) -> Indices:
    return np.array([-1 if name is None else EMOTIONS.index(name) for name in names], dtype=np.int64)
