"""Spoilt images: each corruption against an independent computation, and what is counted."""

import io

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from scipy import ndimage

from tests.fake_recognizer import FakeRecognizer, bar_of
from tests.made_data import noise, records, split
from train.data import Fer2013
from train.robustness import CORRUPTIONS, FEW, SAMPLE, corrupt, draw_sample, mean_corrupted, measure_robustness
from train.twins import Twins

Images = npt.NDArray[np.uint8]


def smooth(count: int = 4) -> Images:
    """Pictures without sharp edges, uint8 (n, 48, 48), from 40 to 215."""
    blurred = np.stack([ndimage.gaussian_filter(image.astype(float), 4) for image in noise(count)])
    low, high = blurred.min(), blurred.max()
    return np.asarray(40 + 175 * (blurred - low) / (high - low), dtype=np.uint8)


def as_float(images: Images) -> npt.NDArray[np.float64]:
    return images.astype(np.float64)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_has_five_strengths_that_spoil_more_and_more(name: str) -> None:
    images = smooth(40)
    strengths = CORRUPTIONS[name].strengths
    changes = [np.abs(as_float(corrupt(images, name, strength)) - images).mean() for strength in strengths]
    assert len(set(strengths)) == 5
    assert changes == sorted(changes)
    assert changes[0] > 0


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_same_call_gives_the_same_images_and_leaves_the_given_ones_alone(name: str) -> None:
    images = smooth()
    before, strength = images.copy(), CORRUPTIONS[name].strengths[2]
    first = corrupt(images, name, strength)
    np.testing.assert_array_equal(first, corrupt(images, name, strength))
    np.testing.assert_array_equal(images, before)
    assert first.dtype == np.uint8
    assert first.shape == images.shape


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_is_spoilt_in_the_same_way_whatever_others_follow(name: str) -> None:
    """Models that answer fewer images see the first ones of the same."""
    images, strength = smooth(6), CORRUPTIONS[name].strengths[3]
    np.testing.assert_array_equal(corrupt(images[:2], name, strength), corrupt(images, name, strength)[:2])


@pytest.mark.parametrize("sigma", CORRUPTIONS["blur"].strengths)
def test_blur_is_scipy_s_gaussian(sigma: float) -> None:
    for image, blurred in zip(noise(3), corrupt(noise(3), "blur", sigma), strict=True):
        expected = ndimage.gaussian_filter(image.astype(float), sigma, mode="nearest", truncate=5)
        np.testing.assert_allclose(blurred, expected, atol=2)


def test_noise_has_the_deviation_and_no_mean() -> None:
    gray = np.full((50, 48, 48), 128, np.uint8)
    difference = as_float(corrupt(gray, "noise", 20)) - 128
    assert difference.std() == pytest.approx(20, rel=0.02)
    assert difference.mean() == pytest.approx(0, abs=0.3)
    assert not np.array_equal(difference[0], difference[1])


def test_brightness_shifts_up_or_down_and_stops_at_the_ends() -> None:
    images = np.tile(np.array([10, 128, 245], np.uint8), (60, 1))[:, None].repeat(2, axis=1)
    shifted = corrupt(images, "brightness", 0.2)
    up = shifted[:, 0, 1] > 128
    assert 15 < up.sum() < 45
    np.testing.assert_array_equal(np.unique(shifted[up], axis=0), [[[61, 179, 255]] * 2])
    np.testing.assert_array_equal(np.unique(shifted[~up], axis=0), [[[0, 77, 194]] * 2])


@pytest.mark.parametrize("quality", CORRUPTIONS["JPEG"].strengths)
def test_jpeg_loses_what_pillow_s_loses(quality: float) -> None:
    for image, ours in zip(smooth(), corrupt(smooth(), "JPEG", quality), strict=True):
        file = io.BytesIO()
        PIL.Image.fromarray(image).save(file, "JPEG", quality=int(quality))
        np.testing.assert_allclose(as_float(ours), np.asarray(PIL.Image.open(file), dtype=np.float64), atol=3)


@pytest.mark.parametrize("share", CORRUPTIONS["occlusion"].strengths)
def test_occlusion_covers_its_share_with_one_gray_square(share: float) -> None:
    black = np.zeros((20, 48, 48), np.uint8)
    covered = corrupt(black, "occlusion", share)
    assert set(np.unique(covered)) == {0, 128}
    assert (covered > 0).mean() == pytest.approx(share, abs=0.02)
    corners = set()
    for image in covered:
        rows, columns = (np.nonzero((image > 0).any(axis=axis))[0] for axis in (1, 0))
        assert len(rows) == len(columns) == rows[-1] - rows[0] + 1
        corners.add((rows[0], columns[0]))
    assert len(corners) > 10


@pytest.mark.parametrize("degrees", [10, 30])
def test_rotation_is_scipy_s_to_one_side_or_the_other(degrees: float) -> None:
    """In the middle, where no border matters."""
    sides = []
    for image, turned in zip(smooth(8), corrupt(smooth(8), "rotation", degrees), strict=True):
        both = [ndimage.rotate(image.astype(float), sign * degrees, reshape=False, order=1)[14:34, 14:34] for sign in (-1, 1)]
        errors = [np.abs(turned[14:34, 14:34] - one).max() for one in both]
        assert min(errors) < 4 < max(errors)
        sides.append(int(np.argmin(errors)))
    assert set(sides) == {0, 1}


def test_sample_is_stratified_shuffled_and_can_be_repeated() -> None:
    whole = split(1400)
    chosen = draw_sample(whole, 350)
    np.testing.assert_array_equal(np.bincount(whole.labels[chosen]), [50] * 7)
    np.testing.assert_array_equal(chosen, draw_sample(whole, 350))
    assert len(set(chosen.tolist())) == 350
    assert sorted(chosen) != chosen.tolist()


def test_small_split_is_taken_whole() -> None:
    assert draw_sample(split(14), SAMPLE).tolist() == list(range(14))


@pytest.fixture
def data() -> Fer2013:
    whole = records(train=7, validation=210, test=7)
    numbers = np.arange(len(whole.labels))
    masks = {name: whole.splits == name for name in ("train", "validation", "test")}
    return Fer2013(whole, Twins(numbers, numbers), masks, {}, "f")


def test_models_are_asked_about_the_same_spoilt_images_of_validation(data: Fer2013) -> None:
    seeing, blind = FakeRecognizer("seeing", bar_of), FakeRecognizer("blind", lambda _: 3)
    found = measure_robustness({"seeing": seeing, "blind": blind}, (), data)
    assert (found["split"], found["images"]) == ("validation", 210)
    assert set(found["corruptions"]) == set(CORRUPTIONS) == set(found["models"]["seeing"]["accuracy"])
    assert found["corruptions"]["JPEG"] == {"unit": "quality", "strengths": [50, 30, 20, 10, 5]}
    assert found["models"]["seeing"]["clean"] == 1.0
    assert found["models"]["blind"]["clean"] == pytest.approx(1 / 7)
    for kind in CORRUPTIONS:
        assert found["models"]["blind"]["accuracy"][kind] == pytest.approx([1 / 7] * 5)
    assert found["models"]["seeing"]["accuracy"]["rotation"][-1] < 0.8
    assert len(seeing.shown) == len(blind.shown) == 31 * 210
    for one, other in zip(seeing.shown, blind.shown, strict=True):
        np.testing.assert_array_equal(one, other)
    first = data.split("validation").images[0]
    np.testing.assert_array_equal(seeing.shown[0], np.repeat(first[..., None], 3, axis=2))


def test_slow_models_are_asked_about_the_first_images_only(data: Fer2013) -> None:
    slow, fast = FakeRecognizer("slow", bar_of), FakeRecognizer("fast", bar_of)
    found = measure_robustness({"slow": slow, "fast": fast}, ("slow",), data)
    assert (found["models"]["slow"]["images"], found["models"]["fast"]["images"]) == (FEW, 210)
    np.testing.assert_array_equal(slow.shown[FEW], fast.shown[210])


def test_mean_counts_every_corruption_and_strength() -> None:
    assert mean_corrupted({"accuracy": {"a": [0.2, 0.4], "b": [0.6, 0.8]}}) == pytest.approx(0.5)
