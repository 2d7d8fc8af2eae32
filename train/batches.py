"""Feeds a training: the random views of an epoch depend on its seed and number alone.

So a training that was killed and started again sees what it would have seen.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fersys.labels import EMOTIONS
from train.augment import Images, augment, window_at
from train.config import FitConfig
from train.data import Split

Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


class Batches:
    """Batches of the current `epoch`: random views of `fit`, plain centre views of `validation`."""

    def __init__(self, fit: Split, validation: Split, config: FitConfig) -> None:
        self.epoch = 0
        self._fit, self._validation, self._config = fit, validation, config

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Labels of the images to fit on, int64 (n,)."""
        return self._fit.labels

    @property
    def steps(self) -> int:
        """Number of training batches an epoch; a last batch that is not full is left out."""
        return max(1, len(self._fit.labels) // self._config.batch_size)

    def training(self) -> tf.data.Dataset:
        """Return the epoch's batches: views float32 (n, side, side, 1), one-hot labels (n, 7)."""
        return _dataset(self._random_batches, self.steps)

    def validating(self) -> tf.data.Dataset:
        """Return the validation batches, at the side that the epoch trains on."""
        return _dataset(self._plain_batches, -(-len(self._validation.labels) // self._config.batch_size))

    def _random_batches(self) -> Iterator[Batch]:
        config, split = self._config, self._fit
        random = np.random.default_rng((config.seed, self.epoch))
        order, size = random.permutation(len(split.labels)), window_at(self.epoch, config)
        for step in range(self.steps):
            chosen = order[step * config.batch_size : (step + 1) * config.batch_size]
            images = equalized(split.images[chosen]) if config.equalize else split.images[chosen]
            yield _batch(augment(images, config, size, random), split.labels[chosen])

    def _plain_batches(self) -> Iterator[Batch]:
        config, split = self._config, self._validation
        size = window_at(self.epoch, config)
        for start in range(0, len(split.labels), config.batch_size):
            part = slice(start, start + config.batch_size)
            images = equalized(split.images[part]) if config.equalize else split.images[part]
            yield _batch(centre(images, config.window, size), split.labels[part])


def _dataset(batches: object, count: int) -> tf.data.Dataset:
    signature = (tf.TensorSpec((None, None, None, 1), tf.float32), tf.TensorSpec((None, len(EMOTIONS)), tf.float32))
    stream = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return stream.apply(tf.data.experimental.assert_cardinality(count)).prefetch(4)


def _batch(views: Images, labels: npt.NDArray[np.int64]) -> Batch:
    return views[..., None].astype(np.float32), np.eye(len(EMOTIONS), dtype=np.float32)[labels]


def centre(images: Images, window: int, size: int) -> Images:
    """Return the central `window` pixels of uint8 (n, 48, 48) images, resized to `size`."""
    margin = (images.shape[1] - window) // 2
    cut = images[:, margin : margin + window, margin : margin + window]
    if size == window:
        return cut
    return np.stack([cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR) for image in cut]).astype(np.uint8)


def equalized(images: Images) -> Images:
    """Return histogram-equalised uint8 (n, h, w) images: the paper's enhancement step."""
    return np.stack([cv2.equalizeHist(image) for image in images]).astype(np.uint8)
