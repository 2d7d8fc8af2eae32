"""Small pictures made in memory, and files that hold them: no face is in any."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets

from fersys.labels import EMOTIONS
from tests.made_data import noise, png


def pictures(count: int) -> list[bytes]:
    """PNG files of 48×48 gray noise, each another."""
    return [png(image) for image in noise(count)]


def fill(folder: Path, contents: Sequence[bytes]) -> list[Path]:
    """Write 0000.png, 0001.png … into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04d}.png" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def write_parquet(path: Path, contents: Sequence[bytes | None], labels: Sequence[str] | None = None, names: Sequence[str] = EMOTIONS) -> Path:
    """Write a parquet file as the `datasets` library does, with `ClassLabel` in the order of `names`."""
    columns: dict[str, Any] = {"image": [None if content is None else {"bytes": content, "path": None} for content in contents]}
    features: dict[str, Any] = {"image": datasets.Image()}
    if labels is not None:
        columns["label"] = [names.index(label) for label in labels]
        features["label"] = datasets.ClassLabel(names=list(names))
    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_dict(columns, datasets.Features(features)).to_parquet(path)
    return path
