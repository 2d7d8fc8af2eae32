"""Random views of face images: one projective transform and a few pixel operations an image."""

import cv2
import numpy as np
import numpy.typing as npt

from train.config import FitConfig

Images = npt.NDArray[np.uint8]

_ERASE_SIZES = (6, 16)  # side of the erased square in pixels of a 44-pixel window


def augment(images: Images, config: FitConfig, size: int, random: np.random.Generator) -> Images:
    """Return one random view of each image.

    Args:
        images: uint8 (n, 48, 48).
        config: ranges of the random changes.
        size: side of the views in pixels; they show `config.window` pixels of the image.
        random: source of all random numbers.

    Returns:
        uint8 (n, size, size).
    """
    matrices = _matrices(len(images), images.shape[1], size, config, random)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    views = np.stack(
        [cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT_101) for image, matrix in zip(images, matrices, strict=True)]
    ).astype(np.uint8)
    if config.contrast:
        views = _change_contrast(views, config.contrast, random)
    return _erase(views, config.erase, random) if config.erase else views


def _matrices(count: int, side: int, size: int, config: FitConfig, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Matrices (n, 2, 3) from a pixel of the view to a pixel of the image."""

    def spread(limit: float) -> npt.NDArray[np.float64]:
        return random.uniform(-limit, limit, count)

    angle = np.deg2rad(spread(config.rotation))
    scale = np.exp(spread(np.log1p(config.zoom))) * config.window / size
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0) if config.flip else np.ones(count)
    shear, centre = spread(config.shear), (side - 1) / 2
    move = np.stack([spread(config.shift), spread(config.shift)], axis=1)
    linear = np.empty((count, 2, 2))
    linear[:, 0, 0] = mirror * scale * np.cos(angle)
    linear[:, 0, 1] = mirror * scale * (shear * np.cos(angle) - np.sin(angle))
    linear[:, 1, 0] = scale * np.sin(angle)
    linear[:, 1, 1] = scale * (shear * np.sin(angle) + np.cos(angle))
    offset = centre + move - linear.sum(axis=2) * (size - 1) / 2
    return np.concatenate([linear, offset[:, :, None]], axis=2).astype(np.float32)


def _change_contrast(views: Images, limit: float, random: np.random.Generator) -> Images:
    count = len(views)
    gain = random.uniform(1 - limit, 1 + limit, (count, 1, 1)).astype(np.float32)
    shift = random.uniform(-limit, limit, (count, 1, 1)).astype(np.float32) * 128
    changed: npt.NDArray[np.float32] = np.clip(views * gain + shift + (1 - gain) * 128, 0, 255)
    return changed.astype(np.uint8)


def _erase(views: Images, chance: float, random: np.random.Generator) -> Images:
    """Fill a random square with the image's mean, in a share `chance` of the views."""
    size = views.shape[1]
    for index in np.nonzero(random.random(len(views)) < chance)[0]:
        side = int(random.integers(*_ERASE_SIZES)) * size // 44
        top, left = random.integers(0, size - side, 2)
        views[index, top : top + side, left : left + side] = int(views[index].mean())
    return views


def window_at(epoch: int, config: FitConfig) -> int:
    """Return the side of the views in an epoch: grown in steps of 4 pixels over the first three quarters.

    The last quarter, and be it the last epoch alone, sees the whole `config.window`.
    """
    grown_at = min(0.75 * config.epochs, config.epochs - 1)
    if epoch >= grown_at:
        return config.window
    steps = (config.window - config.window_start) * (epoch / grown_at)
    return config.window_start + int(steps // 4) * 4
