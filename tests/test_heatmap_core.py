"""Where a model's evidence lies, asked of models whose evidence is known."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from fersys import EMOTIONS
from fersys.errors import ImageError, LabelError
from fersys.heatmap import HeatMap, as_crop, blurred, cover, explain, random_masks
from fersys.preprocess import to_model_input

Image = npt.NDArray[np.uint8]
HAPPY = EMOTIONS.index("happy")


class Watcher:
    """Is the happier the rougher a place of the face is: it looks nowhere else."""

    name, title, certainty = "watcher", "Watcher", 0.0

    def __init__(self, rows: slice, columns: slice) -> None:
        self._place, self.asked = (rows, columns), 0

    def predict(self, crops: Sequence[Image]) -> npt.NDArray[np.float32]:
        self.asked += len(crops)
        rough = np.array([to_model_input(crop)[..., 0][self._place].astype(float).std() / 128 for crop in crops])
        rows = np.repeat((1 - rough[:, None]) / (len(EMOTIONS) - 1), len(EMOTIONS), axis=1)
        rows[:, HAPPY] = rough
        return rows.astype(np.float32)


@pytest.fixture
def noise() -> Image:
    return as_crop(np.random.default_rng(1).integers(0, 256, (48, 48), dtype=np.uint8))


@pytest.mark.parametrize(("rows", "columns"), [(slice(30, 44), slice(16, 32)), (slice(4, 18), slice(4, 18)), (slice(16, 30), slice(32, 46))])
def test_the_place_that_a_model_looks_at_is_found(noise: Image, rows: slice, columns: slice) -> None:
    found = explain(noise, Watcher(rows, columns), "happy")
    inside = np.zeros((48, 48), bool)
    inside[rows, columns] = True
    row, column = np.unravel_index(found.drops.argmax(), found.drops.shape)
    assert inside[row, column]
    assert found.drops[inside].mean() > 5 * np.abs(found.drops[~inside].mean())
    assert not found.is_flat


def test_evidence_against_an_expression_is_below_zero_and_not_shown(noise: Image) -> None:
    rows, columns = slice(30, 44), slice(16, 32)
    found = explain(noise, Watcher(rows, columns), "sad")
    assert found.drops[rows, columns].mean() < -0.1
    assert found.shares[34:40, 20:28].max() == 0
    assert found.shares.min() == 0


def test_a_model_that_looks_at_nothing_has_a_flat_map(noise: Image) -> None:
    found = explain(as_crop(np.full((48, 48), 90, np.uint8)), Watcher(slice(0, 48), slice(0, 48)), "happy")
    assert found.is_flat
    assert np.isfinite(found.shares).all()


def test_a_difference_within_chance_is_flat() -> None:
    drops = np.zeros((48, 48), np.float32)
    drops[3, 3] = 0.5
    assert HeatMap("happy", drops, noise=0.2).is_flat
    assert not HeatMap("happy", drops, noise=0.1).is_flat


def test_shares_reach_from_none_to_one(noise: Image) -> None:
    shares = explain(noise, Watcher(slice(10, 20), slice(10, 20)), "happy").shares
    assert shares.dtype == np.float32
    assert shares.shape == (48, 48)
    assert shares.min() == 0
    assert shares.max() == pytest.approx(1)


def test_the_same_question_gets_the_same_map(noise: Image) -> None:
    first, second = (explain(noise, Watcher(slice(10, 20), slice(10, 20)), "happy") for _ in range(2))
    assert np.array_equal(first.drops, second.drops)


def test_without_a_label_the_most_probable_expression_is_explained(noise: Image) -> None:
    assert explain(noise, Watcher(slice(0, 48), slice(0, 48))).label == "happy"
    smooth = as_crop(np.full((48, 48), 90, np.uint8))
    assert explain(smooth, Watcher(slice(0, 48), slice(0, 48))).label != "happy"


def test_the_model_is_asked_once_a_mask_and_once_without(noise: Image) -> None:
    watcher = Watcher(slice(0, 48), slice(0, 48))
    explain(noise, watcher, masks=random_masks(20))
    assert watcher.asked == 21


def test_half_of_a_face_is_covered_and_every_pixel_sometimes() -> None:
    masks = random_masks()
    assert masks.dtype == np.float32
    assert masks.min() == 0
    assert masks.max() == 1
    assert 0.45 < masks.mean() < 0.55
    assert masks.mean(axis=0).min() > 0.3 < 1 - masks.mean(axis=0).max()


def test_what_is_not_covered_stays_as_it_is(noise: Image) -> None:
    gray, mask = noise[..., 0], np.zeros((1, 48, 48), np.float32)
    mask[0, :10] = 1
    (covered,) = cover(gray, mask)
    assert np.array_equal(covered[10:], gray[10:])
    assert np.array_equal(covered[:10], blurred(gray)[:10].round().astype(np.uint8))


def test_a_crop_of_a_gray_face_is_that_face_to_the_network(noise: Image) -> None:
    assert np.array_equal(to_model_input(noise)[..., 0], noise[..., 0])


def test_an_unknown_expression_is_an_error_of_ours(noise: Image) -> None:
    with pytest.raises(LabelError, match="Received: 'glad'"):
        explain(noise, Watcher(slice(0, 48), slice(0, 48)), "glad")


def test_what_is_no_image_is_an_error_of_ours() -> None:
    with pytest.raises(ImageError):
        explain(np.zeros((48, 48), np.uint8), Watcher(slice(0, 48), slice(0, 48)))
