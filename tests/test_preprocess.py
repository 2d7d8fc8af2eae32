"""The geometry that ties training to serving."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from fersys.errors import ImageError
from fersys.preprocess import INPUT_SIZE, to_model_input

Pixels = npt.NDArray[np.uint8]


def as_rgb(gray: Pixels) -> Pixels:
    return np.repeat(gray[..., None], 3, axis=2)


def test_fer2013_pixels_come_back_as_they_are() -> None:
    for gray in np.random.default_rng(0).integers(0, 256, (20, INPUT_SIZE, INPUT_SIZE), dtype=np.uint8):
        np.testing.assert_array_equal(to_model_input(as_rgb(gray))[..., 0], gray)


def test_every_gray_level_comes_back_as_it_is() -> None:
    levels = np.arange(INPUT_SIZE * INPUT_SIZE).reshape(INPUT_SIZE, INPUT_SIZE) % 256
    np.testing.assert_array_equal(to_model_input(as_rgb(levels.astype(np.uint8)))[..., 0], levels)


def test_real_images_come_back_as_they_are(fer2013_source: str) -> None:
    file = Path(fer2013_source, "validation.parquet")
    if not file.is_file():
        pytest.skip(f"no validation.parquet in {fer2013_source}")
    for image in pq.read_table(file, columns=["image"]).column("image").slice(0, 300).to_pylist():
        gray = cv2.imdecode(np.frombuffer(image["bytes"], np.uint8), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(to_model_input(as_rgb(np.asarray(gray, np.uint8)))[..., 0], gray)


def test_shrinking_averages_the_pixels_it_merges() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (3 * INPUT_SIZE, 3 * INPUT_SIZE), dtype=np.uint8)
    averages = gray.reshape(INPUT_SIZE, 3, INPUT_SIZE, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(to_model_input(as_rgb(gray))[..., 0], averages, atol=0.51)


def test_enlarging_is_smooth_and_stays_within_the_levels() -> None:
    ramp = np.tile(np.linspace(40, 200, 12).astype(np.uint8), (12, 1))
    row = to_model_input(as_rgb(ramp))[24, :, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert np.diff(row).max() < np.diff(ramp[0].astype(int)).min()
    assert (row[0], row[-1]) == (40, 200)


@pytest.mark.parametrize(("colour", "luma"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((255, 255, 255), 255)])
def test_gray_is_the_luma_of_red_green_blue(colour: tuple[int, int, int], luma: int) -> None:
    assert np.unique(to_model_input(np.full((60, 60, 3), colour, np.uint8))).tolist() == [luma]


@pytest.mark.parametrize("shape", [(1, 1), (48, 48), (47, 49), (1, 300), (1000, 20), (640, 480)])
def test_any_size_of_crop_gives_one_shape(shape: tuple[int, int]) -> None:
    result = to_model_input(np.full((*shape, 3), 77, np.uint8))
    assert result.shape == (INPUT_SIZE, INPUT_SIZE, 1)
    assert result.dtype == np.uint8
    assert np.unique(result).tolist() == [77]


def test_crop_itself_is_left_alone() -> None:
    crop = as_rgb(np.arange(48 * 48, dtype=np.uint8).reshape(48, 48))
    before = crop.copy()
    to_model_input(crop)[:] = 0
    np.testing.assert_array_equal(crop, before)


@pytest.mark.parametrize("wrong", [np.zeros((48, 48), np.uint8), np.zeros((48, 48, 1), np.uint8), np.zeros((48, 48, 3)), np.zeros((0, 0, 3), np.uint8)])
def test_what_is_no_rgb_crop_is_refused(wrong: Any) -> None:
    with pytest.raises(ImageError, match="Received: "):
        to_model_input(wrong)
