"""FER2013 as arrays: checked, split, fingerprinted. Start here: `load_fer2013(source)`."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from fersys.errors import DataError
from fersys.labels import EMOTIONS
from train.config import DEFAULT_SOURCE
from train.sources import COUNTS, SIZE, SPLITS, Records, counts_by_split, read_records
from train.twins import Mask, Twins, clean_training, find_twins, has_twin

SPLIT_KINDS = ("official", "paper")

# FER+ columns: neutral happiness surprise sadness anger disgust fear contempt unknown NF
# (Barsoum et al. 2016). The first seven are expressions: which column is which of them.
_FERPLUS_COLUMNS = {"neutral": 0, "happy": 1, "surprise": 2, "sad": 3, "angry": 4, "disgust": 5, "fear": 6}


@dataclass(frozen=True)
class Split:
    """Images to fit or measure on.

    Attributes:
        images: uint8 (n, 48, 48), gray, 0–255.
        labels: int64 (n,), positions in `EMOTIONS`.
        rows: int64 (n,), row in the original CSV, −1 where unknown.
        groups: int64 (n,), images with equal numbers are near twins.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fer2013:
    """All of FER2013 with what is known of its twins.

    Attributes:
        records: every image, in the order of the source.
        twins: which of them are copies of one another.
        splits: bool masks (n,) by split name: those to fit on, those to measure on.
        removed: what the clean-up took out of the fitting split, by rule.
        fingerprint: SHA-256 over every image, label and official split, whatever their order.
    """

    records: Records
    twins: Twins
    splits: dict[str, Mask]
    removed: dict[str, int]
    fingerprint: str

    def split(self, name: str, limit: int | None = None) -> Split:
        """Return one split, or its first `limit` images.

        Raises:
            DataError: if there is no split of that name.
        """
        if name not in self.splits:
            raise DataError(f"Unknown split: expected {', '.join(self.splits)}. Received: {name!r}")
        chosen = np.nonzero(self.splits[name])[0][:limit]
        records = self.records
        return Split(records.images[chosen], records.labels[chosen], records.rows[chosen], self.twins.near[chosen])


def load_fer2013(source: str = DEFAULT_SOURCE, splits: str = "official", seed: int = 0, strict: bool = True) -> Fer2013:
    """Read FER2013, find its twins and mark its splits.

    Args:
        source: hub id, folder of parquet files or image folders, or Kaggle's CSV.
        splits: "official" (Training, PublicTest, PrivateTest) or "paper" (70/15/15 of the
            pooled images, stratified by label).
        seed: seed of the "paper" split.
        strict: refuse a copy whose splits do not have FER2013's official counts.

    Raises:
        DataError: if the source cannot be read or is not FER2013.
        LabelError: if a label is none of the seven expressions.
    """
    if splits not in SPLIT_KINDS:
        raise DataError(f"Unknown splits: expected {' or '.join(SPLIT_KINDS)}. Received: {splits!r}")
    records = read_records(source)
    check_records(records, strict)
    twins = find_twins(records.images)
    masks, removed = _official_masks(records, twins) if splits == "official" else (_paper_masks(records.labels, seed), {})
    return Fer2013(records, twins, masks, removed, fingerprint(records))


def check_records(records: Records, strict: bool = True) -> None:
    """Raise DataError if the records are not FER2013: their shape, and if `strict` their counts."""
    if not len(records.images):
        raise DataError("Not FER2013: expected images. Received: none")
    if records.images.shape[1:] != (SIZE, SIZE) or records.images.dtype != np.uint8:
        raise DataError(f"Expected uint8 images of {SIZE}×{SIZE}. Received: {records.images.dtype} {records.images.shape[1:]}")
    received = counts_by_split(records.splits.tolist())
    if strict and received != COUNTS:
        raise DataError(f"Not the whole of FER2013: expected {COUNTS}. Received: {received}")


def _official_masks(records: Records, twins: Twins) -> tuple[dict[str, Mask], dict[str, int]]:
    official = {name: records.splits == name for name in SPLITS}
    clean, removed = clean_training(records, twins)
    seen = official["train"] | official["validation"]
    masks = {
        "fit": clean,
        **official,
        "test_clean": official["test"] & ~has_twin(twins.exact, official["train"]),
        "test_strict": official["test"] & ~has_twin(twins.near, seen),
    }
    if records.votes is not None:
        masks["test_ferplus"] = official["test"] & (ferplus_labels(records.votes) >= 0)
    return masks, removed


def _paper_masks(labels: npt.NDArray[np.int64], seed: int) -> dict[str, Mask]:
    everything = np.arange(len(labels))
    try:
        fit, rest = train_test_split(everything, train_size=0.70, stratify=labels, random_state=seed)
        validation, test = train_test_split(rest, train_size=0.5, stratify=labels[rest], random_state=seed)
    except ValueError as error:
        raise DataError(f"The paper's split needs at least 4 images of each expression. Received: {class_counts(labels)}") from error
    named = {"fit": fit, "train": fit, "validation": validation, "test": test}
    return {name: np.isin(everything, chosen) for name, chosen in named.items()}


def ferplus_labels(votes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the FER+ plurality as positions in `EMOTIONS`, int64 (n,).

    −1 where two classes tie, or where contempt, unknown or "not a face" has the most votes.
    """
    best = votes.max(axis=1, keepdims=True)
    unique = (votes == best).sum(axis=1) == 1
    by_column = {column: EMOTIONS.index(name) for name, column in _FERPLUS_COLUMNS.items()}
    labels = np.array([by_column.get(column, -1) for column in votes.argmax(axis=1).tolist()], dtype=np.int64)
    return np.where(unique & (best[:, 0] > 0), labels, -1)


def fingerprint(records: Records) -> str:
    """Return the SHA-256 of the sorted list of images with their labels and official splits."""
    items = zip(records.images, records.labels.tolist(), records.splits.tolist(), strict=True)
    digests = sorted(hashlib.sha256(image.tobytes() + f"{EMOTIONS[label]} {split}".encode()).digest() for image, label, split in items)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def class_counts(labels: npt.NDArray[np.int64]) -> dict[str, int]:
    """Return the number of images of each expression, in the order of `EMOTIONS`."""
    counts = np.bincount(labels, minlength=len(EMOTIONS))
    return {name: int(count) for name, count in zip(EMOTIONS, counts, strict=True)}
