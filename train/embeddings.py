"""What a face recogniser makes of the images of FER2013, on disk: each image is embedded once, whatever asks for it.

One file a recogniser with its weights, the way crops are prepared, DeepFace's version and the data: `runs/embeddings/<…>.npy`, float32 (n, d), a row an image
in the order of the images' SHA-256, so that it does not matter in which order a copy of the data holds them, and
twins share a row. Rows that are not known yet are NaN. Whatever the moment of a kill, a row that was written half still
has a NaN in it, and the next run embeds that image again and no other. The file is mapped, not read: memory stays small.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from fersys.config import read_config
from fersys.errors import DataError, ModelError
from fersys.package import load
from fersys.recognizers.base import Recognizer
from fersys.recognizers.deepface_head import Base, DeepFaceHead, Embed, Embeddings, base_of
from fersys.results import Image
from train.atomic import replacing
from train.data import Fer2013
from train.embedding_workers import Spread

FOLDER = Path("runs/embeddings")

Grays = npt.NDArray[np.uint8]

_BATCH = 32  # faces between two looks at the clock, and what a kill may cost
_CHUNK = 4096  # rows that are looked through at once for unknown ones


class StoredEmbeddings:
    """Embeddings of one data set by one recogniser; stands in for it where crops are images of that data set."""

    def __init__(self, path: Path, images: Grays, embed: Embed) -> None:
        """Name the file, which is made when the first embedding is there.

        Args:
            path: the file.
            images: gray uint8 (n, 48, 48), all of the data set.
            embed: the recogniser.
        """
        self._path, self._embed = path, embed
        self._row = {digest: row for row, digest in enumerate(sorted({_digest(image) for image in images}))}

    def __call__(self, crops: Sequence[Image]) -> Embeddings:
        """Return the embeddings, float32 (n, d), of RGB uint8 crops; those of other pictures are made and not kept."""
        grays = [_gray(crop) for crop in crops]
        if not crops or any(gray is None or _digest(gray) not in self._row for gray in grays):
            return self._embed(crops)
        return self.of(np.stack([gray for gray in grays if gray is not None]))

    def of(self, images: Grays) -> Embeddings:
        """Return the embeddings, float32 (n, d), of gray images of the data set; unknown ones are made first, and kept."""
        self.fill(images)
        return np.asarray(self._open()[self._rows(images)])

    def fill(self, images: Grays, spread: Spread | None = None) -> int:
        """Embed those images of the data set that are not known yet, with a progress bar, and return how many.

        Args:
            images: gray uint8 (n, 48, 48).
            spread: runs the recogniser on batches of RGB crops, in their order; default: here, one after another.

        Raises:
            DataError: if the file is damaged, or an image is none of the data set.
            ModelError: if the recogniser answers with what is no number.
        """
        rows = self._rows(images)
        missing = self._unknown(rows)
        parts = [missing[start : start + _BATCH] for start in range(0, len(missing), _BATCH)]
        batches = (_crops(images[part]) for part in parts)
        with tqdm(total=len(missing), desc=f"embedding {len(missing)} of {len(images)} faces", unit="face", disable=not len(missing)) as bar:
            for part, embeddings in zip(parts, (spread or partial(map, self._embed))(batches), strict=True):
                self._keep(rows[part], embeddings)
                bar.update(len(part))
        return len(missing)

    def _rows(self, images: Grays) -> npt.NDArray[np.int64]:
        rows = [self._row.get(_digest(image), -1) for image in images]
        if min(rows, default=0) < 0:
            raise DataError(f"{self._path}: expected images of the data set it was made for. Received: {rows.count(-1)} others")
        return np.array(rows, np.int64)

    def _unknown(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Positions of the first image of each row that is not known."""
        unique, first = np.unique(rows, return_index=True)
        if not self._path.is_file():
            return np.sort(first)
        stored = self._open()
        chunks = [unique[start : start + _CHUNK] for start in range(0, len(unique), _CHUNK)]
        unknown = np.concatenate([np.empty(0, np.bool_), *[np.isnan(stored[chunk]).any(axis=1) for chunk in chunks]])
        return np.sort(first[unknown])

    def _keep(self, rows: npt.NDArray[np.int64], embeddings: Embeddings) -> None:
        if not np.isfinite(embeddings).all():
            raise ModelError("The recogniser's weights are damaged: expected finite embeddings. Received: NaN or infinite values")
        if not self._path.is_file():
            self._make(embeddings.shape[1])
        stored = self._open("r+")
        stored[rows] = embeddings
        stored.flush()

    def _make(self, width: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._path) as unfinished:
            stored = np.lib.format.open_memmap(unfinished, "w+", np.float32, (len(self._row), width))
            for start in range(0, len(stored), _CHUNK):
                stored[start : start + _CHUNK] = np.nan
            stored.flush()

    def _open(self, mode: Any = "r") -> Any:
        try:
            stored = np.load(self._path, mmap_mode=mode)
        except (OSError, ValueError) as error:
            raise DataError(f"{self._path} is damaged, remove it: expected embeddings. Received: {error}") from error
        if stored.ndim != 2 or len(stored) != len(self._row) or stored.dtype != np.float32:
            raise DataError(f"{self._path} is damaged, remove it: expected float32 ({len(self._row)}, d). Received: {stored.dtype} {stored.shape}")
        return stored


def _digest(gray: Grays) -> bytes:
    return hashlib.sha256(gray.tobytes()).digest()


def _gray(crop: Image) -> Grays | None:
    """The one channel of a crop whose three are equal, or None."""
    same = crop.ndim == 3 and crop.shape[2] == 3 and np.array_equal(crop[..., 0], crop[..., 1]) and np.array_equal(crop[..., 0], crop[..., 2])
    return np.asarray(crop[..., 0]) if same else None


def _crops(images: Grays) -> list[Image]:
    """Gray images as RGB crops, as every recogniser is given them."""
    return list(np.repeat(images[..., None], 3, axis=3))


def stored_embeddings(base: Base, embed: Embed, data: Fer2013) -> StoredEmbeddings:
    """Return the embeddings of a data set by a recogniser, kept under `FOLDER` of the working folder."""
    crop = base.crop.replace(" ", "-")
    name = f"{base.recogniser}-{base.sha256[:16]}-{crop}-deepface-{version('deepface')}-{data.fingerprint[:16]}.npy"
    return StoredEmbeddings(FOLDER / name, data.records.images, embed)


def open_recognizer(folder: Path, data: Fer2013, splits: Sequence[str]) -> Recognizer:
    """Load a package to be measured on a data set; one that embeds faces does so once an image, and keeps it on disk.

    Args:
        folder: the package.
        data: the data set.
        splits: names of the splits that it will be measured on.

    Raises:
        PackageError: if the folder is no package, or its serving file was changed.
        ModelError: if it cannot be run here.
    """
    recognizer = load(folder)
    if not isinstance(recognizer, DeepFaceHead):
        return recognizer
    stored = stored_embeddings(base_of(folder, read_config(folder)), recognizer.embed, data)
    wanted = np.any([data.splits[name] for name in splits], axis=0)
    stored.fill(data.records.images[wanted])
    return recognizer.with_embed(stored)


def absence(folder: Path) -> str:
    """Say why a package that embeds faces cannot do so here, for a person; "" if it can, or embeds none.

    Raises:
        PackageError: if the folder is no package, or its serving file was changed.
    """
    if read_config(folder).recognizer != "deepface-head":
        return ""
    try:
        load(folder)
    except ModelError as error:
        return str(error)
    return ""
