"""FER2013 in small, made in memory: no face is in it."""

from pathlib import Path

import cv2
import datasets
import numpy as np
import numpy.typing as npt

from fersys.labels import EMOTIONS
from train.data import Split
from train.sources import SPLITS, Records

# The numbering of the data set as image folders give it, and several hub copies: by alphabet.
ALPHABETICAL = tuple(sorted(EMOTIONS))


def noise(count: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Images uint8 (n, 48, 48) without any twins among them."""
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def patterns(count: int, seed: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Noisy images of a bar whose height tells the label, and the labels: easy to learn."""
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % len(EMOTIONS)
    images = random.integers(0, 100, (count, 48, 48), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[3 + 6 * label : 9 + 6 * label, 8:40] += 120
    return images, labels


def split(count: int, seed: int = 0) -> Split:
    """A split of `patterns`."""
    images, labels = patterns(count, seed)
    return Split(images, labels, np.arange(count), np.arange(count))


def records(train: int = 28, validation: int = 14, test: int = 14, seed: int = 0) -> Records:
    """Records of `patterns` with official splits of the given sizes, and FER+ votes that agree with the labels."""
    counts = (train, validation, test)
    images, labels = patterns(sum(counts), seed)
    column = np.array([4, 5, 6, 1, 3, 2, 0])[labels]  # where FER+ counts the votes of each expression
    votes = 9 * np.eye(10, dtype=np.uint8)[column]
    return Records(images, labels, np.repeat(SPLITS, counts), np.arange(sum(counts)), votes)


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """The image as the bytes of a PNG file; channels in the order that OpenCV writes."""
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def table(part: Records, names: tuple[str, ...] = EMOTIONS) -> datasets.Dataset:
    """The records as a table with `ClassLabel` in the order of `names`."""
    columns = {
        "image": [{"bytes": png(image), "path": None} for image in part.images],
        "label": [names.index(EMOTIONS[label]) for label in part.labels],
        "row": part.rows.tolist(),
    }
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(names)), "row": datasets.Value("int64")}
    if part.votes is not None:
        columns["ferplus_votes"] = part.votes.tolist()
        features["ferplus_votes"] = datasets.List(datasets.Value("int32"))
    return datasets.Dataset.from_dict(columns, datasets.Features(features))


def only(whole: Records, name: str) -> Records:
    """The records of one official split."""
    chosen = whole.splits == name
    votes = None if whole.votes is None else whole.votes[chosen]
    return Records(whole.images[chosen], whole.labels[chosen], whole.splits[chosen], whole.rows[chosen], votes)


def write_parquet(folder: Path, whole: Records, names: tuple[str, ...] = EMOTIONS) -> Path:
    """Write a file for each split, as the `datasets` library writes them, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        table(only(whole, name), names).to_parquet(folder / f"{name}.parquet")
    return folder
