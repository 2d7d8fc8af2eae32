"""Where FER2013 may lie, and how each form of it is read into records of one shape.

Four forms are read, all as tables of the `datasets` library: a hub id, parquet files, Kaggle's
`fer2013.csv`, and Kaggle's image folders. To read a fifth, write a `_read_…` function that
returns `Records` and add a line to `read_records`.

Files of the user are read in place: no copy of the faces goes into the cache of `datasets`.
What comes from the hub lies in that cache, as with every data set loaded from there.
"""

import glob
import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import datasets
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.utils.file_utils import CONNECTION_ERRORS_TO_RETRY

from fersys.errors import DataError
from fersys.labels import EMOTIONS, to_emotion, to_indices

SPLITS: tuple[str, ...] = ("train", "validation", "test")
COUNTS: dict[str, int] = {"train": 28_709, "validation": 3_589, "test": 3_589}
SIZE = 48

_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "publictest": "validation",
    "test": "test",
    "privatetest": "test",
}
_CSV_COLUMNS = ("emotion", "pixels", "Usage")
_GRAY_LEVELS = {str(level): level for level in range(256)}  # looking up is quicker than int()
_PICTURES = frozenset({".jpg", ".jpeg", ".png"})
_HUB_PATIENCE = 4.0  # seconds to wait for a first answer of the hub
_HUB_ERRORS = (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError, *CONNECTION_ERRORS_TO_RETRY)


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

    Kaggle's folders hold JPEG files. JPEG is lossy: their pixels differ a little from the
    original ones, and so does the fingerprint of what is read from them.

    Args:
        source: hub id such as "you/fer2013", a folder with parquet files or Kaggle's image
            folders, or the path of Kaggle's `fer2013.csv`.

    Raises:
        DataError: if there is nothing to read, the hub cannot be reached, or the content is
            not FER2013.
        LabelError: if a label or the folder of a class is none of the seven expressions.
    """
    path = Path(source).expanduser()
    if source.strip() and path.suffix == ".csv" and path.is_file():
        return _read_csv(path)
    if not source.strip() or not path.is_dir():
        return _read_hub(source)
    if any(path.rglob("*.parquet")):
        return _read_parquet(path)
    if (path / "fer2013.csv").is_file():
        return _read_csv(path / "fer2013.csv")
    return _read_folders(path)


def _official_split(name: str) -> str:
    split = _SPLIT_NAMES.get(name.strip().lower())
    if split is None:
        raise DataError(f"Unknown split: expected {', '.join(SPLITS)} or Training, PublicTest, PrivateTest. Received: {name!r}")
    return split


# Kaggle's CSV


def _read_csv(path: Path) -> Records:
    parts = [_from_row(row, f"{path}, row {number}") for number, row in enumerate(_csv_rows(path))]
    if not parts:
        raise DataError(f"{path}: expected rows of {', '.join(_CSV_COLUMNS)}. Received: no row")
    images, labels, splits = zip(*parts, strict=True)
    return Records(np.stack(images), np.array(labels, dtype=np.int64), np.array(splits), np.arange(len(parts)), None)


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Streamed: 300 MB of text are never held, nor copied into a cache."""
    try:
        yield from datasets.load_dataset("csv", data_files=glob.escape(str(path)), split="train", streaming=True)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError(f"{path} is not a CSV file with a head and equal rows. Received: {_first_line(error)}") from error


def _from_row(row: dict[str, Any], where: str) -> tuple[npt.NDArray[np.uint8], int, str]:
    if not set(_CSV_COLUMNS) <= set(row):
        raise DataError(f"{where}: expected the columns of Kaggle's fer2013.csv, {', '.join(_CSV_COLUMNS)}. Received: {', '.join(map(str, row))}")
    emotion = row["emotion"]
    if not isinstance(emotion, int) or not 0 <= emotion < len(EMOTIONS):
        raise DataError(f"{where}: expected an emotion from 0 to {len(EMOTIONS) - 1}. Received: {emotion!r}")
    return _from_pixels(str(row["pixels"]), where), emotion, _official_split(str(row["Usage"]))


def _from_pixels(text: str, where: str) -> npt.NDArray[np.uint8]:
    try:
        values = np.frombuffer(bytes(map(_GRAY_LEVELS.__getitem__, text.split())), np.uint8)
    except KeyError as error:
        raise DataError(f"{where}: expected pixels from 0 to 255. Received: {error}") from error
    if values.size != SIZE * SIZE:
        raise DataError(f"{where}: expected {SIZE * SIZE} pixels. Received: {values.size}")
    return values.reshape(SIZE, SIZE)


# Parquet files


def _read_parquet(folder: Path) -> Records:
    named = [(_split_in_path(file.relative_to(folder)), file) for file in sorted(folder.rglob("*.parquet"))]
    lacking = set(SPLITS) - {split for split, _ in named}
    if lacking:
        received = ", ".join(str(file.relative_to(folder)) for _, file in named[:6])
        raise DataError(f"{folder}: expected parquet files named after {', '.join(SPLITS)}. Received: {received}")
    return _joined([_from_table(_parquet_table(file), split, file.name) for split in SPLITS for name, file in named if name == split])


def _split_in_path(path: Path) -> str | None:
    """Split named by the file, as in train-00000-of-00001.parquet, or else by its folder, as in train/0000.parquet."""
    words = [word for part in reversed(path.with_suffix("").parts) for word in re.findall("[a-z]+", part.lower())]
    return next((_SPLIT_NAMES[word] for word in words if word in _SPLIT_NAMES), None)


def _parquet_table(file: Path) -> datasets.Dataset:
    """In memory: `load_dataset` would leave a copy of the faces in its cache."""
    try:
        return datasets.Dataset(datasets.table.InMemoryTable(pq.read_table(file)))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file} is not a parquet file that can be read. Received: {_first_line(error)}") from error


# The hub


def _read_hub(name: str) -> Records:
    if not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name) or Path(name).suffix in {".csv", ".parquet"}:
        raise DataError(f"No data there: expected a hub id (owner/name), a folder or a fer2013.csv. Received: {name!r}")
    offline = datasets.config.HF_HUB_OFFLINE or not _answers(datasets.config.HF_ENDPOINT)
    try:
        tables = _load_from_hub(name, offline)
    except _HUB_ERRORS as error:
        reason = f"no connection to {datasets.config.HF_ENDPOINT} and no copy in the cache" if offline else _first_line(error).rstrip(".")
        raise DataError(
            f"FER2013 could not be loaded from the hub: {reason}. Expected an id that can be reached, or a folder given with --data or FERSYS_DATA. "
            f"Received: {name!r}"
        ) from error
    named = {_official_split(split): table for split, table in tables.items()}
    return _joined([_from_table(named[split], split, f"{name}, {split}") for split in SPLITS if split in named])


def _answers(url: str) -> bool:
    """Ask once whether the hub is there: the library's own retries take 23 seconds or more."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_HUB_PATIENCE).close()
    except urllib.error.HTTPError as error:
        return error.code < 500
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLError)  # somebody is there: the library brings its own certificates
    except (OSError, http.client.HTTPException):
        return False
    return True


def _load_from_hub(name: str, offline: bool) -> datasets.DatasetDict:
    before = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = offline
    try:
        return datasets.load_dataset(name)
    finally:
        datasets.config.HF_HUB_OFFLINE = before


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


# Tables with columns image and label, and perhaps row and ferplus_votes


def _joined(parts: list[Records]) -> Records:
    votes = [part.votes for part in parts if part.votes is not None]
    return Records(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.splits for part in parts]),
        np.concatenate([part.rows for part in parts]),
        np.concatenate(votes) if len(votes) == len(parts) else None,
    )


def _from_table(table: datasets.Dataset, split: str, where: str) -> Records:
    columns = table.column_names
    if not {"image", "label"} <= set(columns):
        raise DataError(f"{where}: expected columns image and label. Received: {', '.join(columns)}")
    count = len(table)
    rows = _whole_numbers(table, "row", (count,), where) if "row" in columns else np.full(count, -1)
    votes = _whole_numbers(table, "ferplus_votes", (count, 10), where).astype(np.uint8) if "ferplus_votes" in columns else None
    return Records(_images_of(table, where), _labels_of(table, where), np.full(count, split), rows, votes)


def _whole_numbers(table: datasets.Dataset, column: str, shape: tuple[int, ...], where: str) -> npt.NDArray[np.int64]:
    try:
        return np.asarray(list(table[column]), dtype=np.int64).reshape(shape)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: expected {shape[1:] or 'one'} whole numbers an image in {column}. Received: {error}") from error


def _labels_of(table: datasets.Dataset, where: str) -> npt.NDArray[np.int64]:
    feature, values = table.features["label"], list(table["label"])
    if isinstance(feature, datasets.ClassLabel):
        by_code = dict(enumerate(to_indices(feature.names)))
        unnamed = set(values) - set(by_code)
        if unnamed:
            raise DataError(f"{where}: expected labels from 0 to {len(by_code) - 1}. Received: {unnamed.pop()}")
        return np.array([by_code[value] for value in values], dtype=np.int64)
    kind = getattr(feature, "dtype", feature)
    if kind not in {"string", "large_string"}:
        raise DataError(f"{where}: labels without names cannot be trusted, expected ClassLabel or text. Received: {kind}")
    return np.array([EMOTIONS.index(to_emotion(str(name))) for name in values], dtype=np.int64)


def _images_of(table: datasets.Dataset, where: str) -> npt.NDArray[np.uint8]:
    feature = table.features["image"]
    encoded = isinstance(feature, datasets.Image) or getattr(feature, "dtype", "") == "binary" or (isinstance(feature, dict) and "bytes" in feature)
    if not encoded:
        raise DataError(f"{where}: expected encoded images. Received: {feature}")
    items = table.select_columns("image").cast_column("image", datasets.Image(decode=False))["image"]
    return _decode_all(items, (f"{where}, image {number}" for number in range(len(table))))


def _decode_all(items: Iterable[dict[str, Any] | None], names: Iterable[str]) -> npt.NDArray[np.uint8]:
    images = [_decode(_bytes_of(item, name), name) for item, name in zip(items, names, strict=True)]
    return np.stack(images) if images else np.empty((0, SIZE, SIZE), np.uint8)


def _bytes_of(item: dict[str, Any] | None, where: str) -> bytes:
    content = item or {}
    try:
        return content.get("bytes") or Path(content["path"]).read_bytes()
    except (KeyError, TypeError, OSError) as error:
        raise DataError(f"{where}: expected the bytes of an image. Received: {_first_line(error)}") from error


def _decode(data: bytes, where: str) -> npt.NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if image is None:
        raise DataError(f"{where}: expected a picture. Received: {len(data)} bytes that are none")
    if image.ndim == 3 and image.shape[2] == 3 and (image == image[:, :, :1]).all():
        image = image[:, :, 0]  # gray, written as RGB
    if image.shape != (SIZE, SIZE) or image.dtype != np.uint8:
        raise DataError(f"{where}: expected {SIZE}×{SIZE} gray pixels of 8 bits. Received: shape {image.shape}, {image.dtype}")
    return np.asarray(image, dtype=np.uint8)


# Kaggle's image folders


def _read_folders(folder: Path) -> Records:
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in _PICTURES and not f.name.startswith("."))
    if not files:
        raise DataError(f"{folder}: expected parquet files, fer2013.csv or image folders. Received: no such file")
    labels = np.array([EMOTIONS.index(to_emotion(f.parent.name)) for f in files], dtype=np.int64)
    places = [_place(f) for f in files]
    splits = np.array([split for split, _ in places])
    rows = np.array([row for _, row in places], dtype=np.int64)
    table = datasets.Dataset.from_dict({"image": [str(f) for f in files]}).cast_column("image", datasets.Image(decode=False))
    return Records(_decode_all(table["image"], map(str, files)), labels, splits, rows, None)


def _place(file: Path) -> tuple[str, int]:
    """Official split and CSV row from a Kaggle file name such as PublicTest_12.jpg or 28709.jpg."""
    usage = re.match(r"(Training|PublicTest|PrivateTest)_", file.name)
    if usage:
        return _official_split(usage[1]), -1
    if not re.fullmatch("[0-9]+", file.stem):
        raise DataError(f"{file}: expected a name like Training_123.jpg or 123.jpg. Received: {file.name}")
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
