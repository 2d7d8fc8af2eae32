"""Where FER2013 may lie, and how each form of it is read into records of one shape.

Four forms are read, all through the `datasets` library: a hub id, parquet files, Kaggle's
`fer2013.csv`, and Kaggle's image folders. To read a fifth, write a `_read_…` function that
returns `Records` and add a line to `read_records`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import datasets
import numpy as np
import numpy.typing as npt

from fersys.errors import DataError
from fersys.labels import EMOTIONS, to_emotion

SPLITS: tuple[str, ...] = ("train", "validation", "test")
COUNTS: dict[str, int] = {"train": 28_709, "validation": 3_589, "test": 3_589}
SIZE = 48

_USAGE = {"training": "train", "publictest": "validation", "privatetest": "test"}
_FOREIGN_SPLITS = {"valid": "validation", "val": "validation", "publictest": "validation", "privatetest": "test", "training": "train"}


@dataclass(frozen=True)
class Records:
    """Decoded images of all splits, in the order of the source.

    Attributes:
        images: uint8 (n, 48, 48), gray, 0–255.
        labels: int64 (n,), positions in `EMOTIONS`.
        splits: str (n,), official split of each image, one of `SPLITS`.
        rows: int64 (n,), row in the original CSV, −1 where unknown.
        votes: uint8 (n, 10), FER+ votes, or None where the source has none.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    splits: npt.NDArray[np.str_]
    rows: npt.NDArray[np.int64]
    votes: npt.NDArray[np.uint8] | None


def read_records(source: str) -> Records:
    """Read all of FER2013 from a hub id, a folder or a CSV file.

    Args:
        source: hub id such as "you/fer2013", a folder with parquet files or Kaggle's image
            folders, or the path of Kaggle's `fer2013.csv`.

    Raises:
        DataError: if there is nothing to read, the hub cannot be reached, or the content is
            not FER2013.
    """
    path = Path(source).expanduser()
    if path.suffix == ".csv" and path.is_file():
        return _read_csv(path)
    if path.is_dir() and any(path.rglob("*.parquet")):
        return _read_parquet(path)
    if path.is_dir() and (path / "fer2013.csv").is_file():
        return _read_csv(path / "fer2013.csv")
    if path.is_dir():
        return _read_folders(path)
    return _read_hub(source)


def _read_csv(path: Path) -> Records:
    table = datasets.load_dataset("csv", data_files=str(path), split="train")
    missing = {"emotion", "pixels", "Usage"} - set(table.column_names)
    if missing:
        raise DataError(f"{path} is not Kaggle's fer2013.csv: expected columns emotion, pixels, Usage. Received: {', '.join(table.column_names)}")
    images = np.stack([_from_pixels(text) for text in table["pixels"]])
    labels = np.asarray(table["emotion"], dtype=np.int64)
    if labels.min() < 0 or labels.max() >= len(EMOTIONS):
        raise DataError(f"{path}: expected emotion 0–6. Received: {sorted(set(labels.tolist()))}")
    splits = np.array([_official_split(usage) for usage in table["Usage"]])
    return Records(images, labels, splits, np.arange(len(labels)), None)


def _from_pixels(text: str) -> npt.NDArray[np.uint8]:
    values = np.array(text.split(), dtype=np.uint8)
    if values.size != SIZE * SIZE:
        raise DataError(f"A row of the CSV: expected {SIZE * SIZE} pixels. Received: {values.size}")
    return values.reshape(SIZE, SIZE)


def _official_split(name: str) -> str:
    key = name.strip().lower()
    split = _USAGE.get(key) or _FOREIGN_SPLITS.get(key) or key
    if split not in SPLITS:
        raise DataError(f"Unknown split: expected {', '.join(SPLITS)} or Training, PublicTest, PrivateTest. Received: {name!r}")
    return split


def _read_parquet(folder: Path) -> Records:
    files = {split: sorted(str(f) for f in folder.rglob(f"*{split}*.parquet")) for split in SPLITS}
    lacking = [split for split, found in files.items() if not found]
    if lacking:
        raise DataError(f"{folder}: expected parquet files named after {', '.join(SPLITS)}. Received none for: {', '.join(lacking)}")
    return _from_splits(datasets.load_dataset("parquet", data_files=files))


def _read_hub(name: str) -> Records:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or name.startswith("."):
        raise DataError(f"No data there: expected a hub id (owner/name), a folder or a fer2013.csv. Received: {name!r}")
    try:
        return _from_splits(datasets.load_dataset(name))
    except (OSError, datasets.exceptions.DatasetNotFoundError) as error:
        raise DataError(
            f"FER2013 could not be loaded from the hub: {_first_line(error)} Name a folder that holds it with --data or FERSYS_DATA. Received: {name!r}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _from_splits(tables: Any) -> Records:
    named = {_official_split(name): table for name, table in tables.items()}
    parts = [_from_table(named[split], split) for split in SPLITS if split in named]
    votes = [part.votes for part in parts if part.votes is not None]
    return Records(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.splits for part in parts]),
        np.concatenate([part.rows for part in parts]),
        np.concatenate(votes) if len(votes) == len(parts) else None,
    )


def _from_table(table: Any, split: str) -> Records:
    count = len(table)
    columns = table.column_names
    if not {"image", "label"} <= set(columns):
        raise DataError(f"Split {split}: expected columns image and label. Received: {', '.join(columns)}")
    rows = np.asarray(table["row"], dtype=np.int64) if "row" in columns else np.full(count, -1)
    votes = np.asarray(table["ferplus_votes"], dtype=np.uint8) if "ferplus_votes" in columns else None
    encoded = table.cast_column("image", datasets.Image(decode=False))["image"]
    return Records(_decode_all(encoded), _labels_of(table), np.full(count, split), rows, votes)


def _labels_of(table: Any) -> npt.NDArray[np.int64]:
    feature = table.features["label"]
    values = table["label"]
    if isinstance(feature, datasets.ClassLabel):
        by_code = [EMOTIONS.index(to_emotion(name)) for name in feature.names]
        return np.array([by_code[value] for value in values], dtype=np.int64)
    if feature.dtype == "string":
        return np.array([EMOTIONS.index(to_emotion(name)) for name in values], dtype=np.int64)
    raise DataError(f"Labels without names cannot be trusted: expected ClassLabel or text. Received: {feature.dtype}")


def _decode_all(encoded: Iterable[dict[str, Any]]) -> npt.NDArray[np.uint8]:
    return np.stack([_decode(item["bytes"] or Path(item["path"]).read_bytes()) for item in encoded])


def _decode(data: bytes) -> npt.NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None or image.shape != (SIZE, SIZE):
        shape = None if image is None else image.shape
        raise DataError(f"An image of the data set: expected {SIZE}×{SIZE} pixels. Received: {shape}")
    return np.asarray(image, dtype=np.uint8)


def _read_folders(folder: Path) -> Records:
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not files:
        raise DataError(f"{folder}: expected parquet files, fer2013.csv or image folders. Received: no such file")
    table = datasets.Dataset.from_dict({"image": [str(f) for f in files]}).cast_column("image", datasets.Image(decode=False))
    labels = np.array([EMOTIONS.index(to_emotion(f.parent.name)) for f in files], dtype=np.int64)
    places = [_place(f) for f in files]
    splits = np.array([split for split, _ in places])
    rows = np.array([row for _, row in places], dtype=np.int64)
    return Records(_decode_all(table["image"]), labels, splits, rows, None)


def _place(file: Path) -> tuple[str, int]:
    """Official split and CSV row from a Kaggle file name such as PublicTest_12.jpg or 28709.jpg."""
    usage = re.match(r"(Training|PublicTest|PrivateTest)_", file.name)
    if usage:
        return _official_split(usage[1]), -1
    if not file.stem.isdigit():
        raise DataError(f"Expected names like Training_123.jpg or 123.jpg. Received: {file.name}")
    return split_of_row(int(file.stem)), int(file.stem)


def split_of_row(row: int) -> str:
    """Return the official split of a row of the original CSV, which lists them one after another.

    Raises:
        DataError: if there is no such row.
    """
    last = 0
    for split in SPLITS:
        last += COUNTS[split]
        if 0 <= row < last:
            return split
    raise DataError(f"Expected a row from 0 to {last - 1}. Received: {row}")


def counts_by_split(splits: Sequence[str]) -> dict[str, int]:
    """Return how many images each official split has."""
    return {split: int(np.sum(np.asarray(splits) == split)) for split in SPLITS}
