"""Random views of images, and the side of the views by epoch."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.made_data import noise
from train.augment import augment, window_at
from train.config import FitConfig

STILL = FitConfig(rotation=0.0, zoom=0.0, flip=False)


def views_of(images: np.ndarray, config: FitConfig, size: int = 48, seed: int = 0) -> np.ndarray:
    return augment(images, config, size, np.random.default_rng(seed))


def test_no_change_asked_is_no_change() -> None:
    views = views_of(noise(5), STILL)
    assert views.dtype == np.uint8
    np.testing.assert_array_equal(views, noise(5))


def test_mirror_is_exact_and_takes_about_half() -> None:
    images = noise(200)
    views = views_of(images, replace(STILL, flip=True))
    same = (views == images).all(axis=(1, 2))
    mirrored = (views == images[:, :, ::-1]).all(axis=(1, 2))
    assert (same ^ mirrored).all()
    assert 70 < mirrored.sum() < 130


@pytest.mark.parametrize("window", [44, 32])
def test_a_window_shows_the_centre(window: int) -> None:
    margin = (48 - window) // 2
    views = views_of(noise(3), replace(STILL, window=window, window_start=window), window)
    np.testing.assert_array_equal(views, noise(3)[:, margin : 48 - margin, margin : 48 - margin])


def test_a_smaller_view_shows_the_same_window() -> None:
    view = views_of(np.stack([ramp()]), replace(STILL, window=44, window_start=32), 22)[0]
    np.testing.assert_allclose(view, cv2.resize(ramp()[2:46, 2:46], (22, 22), interpolation=cv2.INTER_AREA).astype(int), atol=1)


def ramp() -> np.ndarray:
    """An image that gets brighter from left to right, uint8 (48, 48)."""
    return np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))


def test_shifts_are_within_the_limit_and_in_pixels() -> None:
    views = views_of(np.stack([ramp()] * 300), replace(STILL, shift=3.0)).astype(float)
    moved = (views[:, 10:38, 10:38] - ramp()[10:38, 10:38]).mean(axis=(1, 2)) / 5
    assert np.abs(moved).max() <= 3.05
    assert moved.min() < -2.5
    assert moved.max() > 2.5


def test_zoom_is_a_factor_either_way() -> None:
    views = views_of(np.stack([ramp()] * 300), replace(STILL, zoom=0.25)).astype(float)
    slope = (views[:, 20:28, 30].mean(axis=1) - views[:, 20:28, 18].mean(axis=1)) / 12 / 5
    assert 0.79 < slope.min() < 0.85
    assert 1.18 < slope.max() < 1.26


def test_rotation_is_in_degrees_about_the_centre() -> None:
    image = np.zeros((48, 48), np.uint8)
    image[22:26, 24:44] = 255  # a hand that points to the right
    views = views_of(np.stack([image] * 300), replace(STILL, rotation=30.0)).astype(float)
    places = np.arange(48) - 23.5
    across, down = (views.sum(axis=1) * places).sum(axis=1), (views.sum(axis=2) * places).sum(axis=1)
    angles = np.rad2deg(np.arctan2(down, across))
    assert np.abs(angles).max() < 31
    assert angles.min() < -25
    assert angles.max() > 25


def test_rotation_keeps_round_things_round() -> None:
    disc = cv2.circle(np.zeros((48, 48), np.uint8), (47 * 8, 47 * 8), 15 * 16, 255, -1, shift=4)
    views = views_of(np.stack([disc] * 50), replace(STILL, rotation=45.0)).astype(float)
    assert np.abs(views - disc).mean(axis=(1, 2)).max() < 10


def test_shear_moves_rows_against_each_other() -> None:
    views = views_of(np.stack([ramp()] * 300), replace(STILL, shear=0.2)).astype(float)
    slant = (views[:, 40, 20:28].mean(axis=1) - views[:, 8, 20:28].mean(axis=1)) / 32 / 5
    assert np.abs(slant).max() < 0.21
    assert slant.max() > 0.15


def test_contrast_changes_gray_levels_within_limits() -> None:
    flat = np.full((300, 48, 48), 128, np.uint8)
    views = views_of(flat, replace(STILL, contrast=0.2))
    assert (views == views[:, :1, :1]).all()
    assert 128 - 26 <= views.min() < 110
    assert 146 < views.max() <= 128 + 26


def test_erase_fills_one_square_of_some_views() -> None:
    images = noise(300)
    views = views_of(images, replace(STILL, erase=0.3))
    erased = [(view != image) for view, image in zip(views, images, strict=True) if (view != image).any()]
    assert 60 < len(erased) < 120
    for mask in erased:
        rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
        assert np.ptp(rows) < 17
        assert np.ptp(columns) < 17


def test_images_themselves_stay_as_they_were() -> None:
    images = noise(8)
    views_of(images, FitConfig(contrast=0.3, erase=1.0, shift=3.0, shear=0.1))
    np.testing.assert_array_equal(images, noise(8))


def test_views_depend_on_the_seed_alone() -> None:
    config = FitConfig(contrast=0.3, erase=0.5, shift=3.0, shear=0.1, window=44, window_start=32)
    first, again, other = (views_of(noise(10), config, 36, seed) for seed in (5, 5, 6))
    assert first.shape == (10, 36, 36)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


# The side of the views


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 13, 48])
@pytest.mark.parametrize(("start", "window"), [(32, 44), (24, 48), (30, 47), (44, 44)])
def test_windows_grow_and_end_at_the_whole(epochs: int, start: int, window: int) -> None:
    config = FitConfig(epochs=epochs, window=window, window_start=start)
    sides = [window_at(epoch, config) for epoch in range(epochs)]
    assert sides == sorted(sides)
    assert min(sides) >= start
    assert sides[-1] == window
    assert sides[0] == (start if epochs > 1 else window)


def test_windows_of_the_long_training() -> None:
    sides = [window_at(epoch, FitConfig(epochs=48, window=44, window_start=32)) for epoch in range(48)]
    assert sides == [32] * 12 + [36] * 12 + [40] * 12 + [44] * 12
