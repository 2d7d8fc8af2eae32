"""What a training is fed with."""

from dataclasses import replace

import numpy as np
import pytest

from tests.made_data import noise, patterns, split
from train.batches import Batches, centre, equalized
from train.config import FitConfig

CONFIG = FitConfig(batch_size=8, window=44, window_start=32, epochs=4, contrast=0.2, erase=0.3)
Batch = tuple[np.ndarray, np.ndarray]


def epoch_of(config: FitConfig, epoch: int, count: int = 26) -> list[Batch]:
    batches = Batches(split(count), split(10, 1), config)
    batches.epoch = epoch
    return [*batches.training().as_numpy_iterator()]


def assert_same(one: list[Batch], other: list[Batch]) -> None:
    assert len(one) == len(other)
    for (views, labels), (other_views, other_labels) in zip(one, other, strict=True):
        np.testing.assert_array_equal(views, other_views)
        np.testing.assert_array_equal(labels, other_labels)


def test_training_batches_are_full_and_one_hot() -> None:
    found = epoch_of(CONFIG, 0)
    assert len(found) == 3  # of 26 images, 2 are left out
    for views, labels in found:
        assert views.shape == (8, 32, 32, 1)
        assert views.dtype == labels.dtype == np.float32
        assert labels.shape == (8, 7)
        np.testing.assert_array_equal(labels.sum(axis=1), 1)
        assert 1 < views.max() <= 255


def test_steps_are_the_number_of_batches() -> None:
    batches = Batches(split(26), split(10, 1), CONFIG)
    assert batches.steps == 3 == int(batches.training().cardinality())
    assert int(batches.validating().cardinality()) == 2


def test_fewer_images_than_a_batch_make_one_step() -> None:
    found = epoch_of(CONFIG, 0, count=5)
    assert [views.shape for views, _ in found] == [(5, 32, 32, 1)]


def test_labels_stay_with_their_images() -> None:
    still = FitConfig(batch_size=7, rotation=0.0, zoom=0.0, flip=False)
    images, labels = patterns(21)
    number = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    seen = 0
    for views, hot in epoch_of(still, 0, count=21):
        for view, row in zip(views, hot, strict=True):
            assert number[view[..., 0].astype(np.uint8).tobytes()] == row.argmax()
            seen += 1
    assert seen == len(number) == 21


def test_every_epoch_has_its_own_order_and_views() -> None:
    still = FitConfig(batch_size=13, rotation=0.0, zoom=0.0, flip=False)
    first, second = epoch_of(still, 0)[0][0], epoch_of(still, 1)[0][0]
    assert (first != second).any()


def test_a_resumed_epoch_is_the_epoch_that_would_have_been() -> None:
    batches = Batches(split(26), split(10, 1), CONFIG)
    stream = batches.training()
    run = []
    for epoch in range(4):
        batches.epoch = epoch
        run.append([*stream.as_numpy_iterator()])
    assert_same(epoch_of(CONFIG, 2), run[2])
    assert_same(epoch_of(CONFIG, 3), run[3])


def test_views_depend_on_the_seed() -> None:
    assert (epoch_of(CONFIG, 0)[0][0] != epoch_of(replace(CONFIG, seed=1), 0)[0][0]).any()


def test_the_epoch_sets_the_side_of_all_views() -> None:
    batches = Batches(split(26), split(10, 1), CONFIG)
    sides = []
    for epoch in range(4):
        batches.epoch = epoch
        (training, _), (validating, _) = next(batches.training().as_numpy_iterator()), next(batches.validating().as_numpy_iterator())
        assert training.shape[1:3] == validating.shape[1:3]
        sides.append(training.shape[1])
    assert sides == [32, 36, 40, 44]


def test_validation_is_plain_whole_and_in_order() -> None:
    config = FitConfig(batch_size=4, window=44, window_start=44, contrast=0.5, erase=1.0)
    batches = Batches(split(26), split(10, 1), config)
    views, labels = (np.concatenate(parts) for parts in zip(*batches.validating().as_numpy_iterator(), strict=True))
    np.testing.assert_array_equal(views[..., 0], split(10, 1).images[:, 2:46, 2:46])
    np.testing.assert_array_equal(labels.argmax(axis=1), split(10, 1).labels)


@pytest.mark.parametrize("equalize", [False, True])
def test_equalisation_is_for_both_kinds_of_batches(equalize: bool) -> None:
    config = FitConfig(batch_size=10, rotation=0.0, zoom=0.0, flip=False, equalize=equalize)
    batches = Batches(split(10), split(10), config)
    expected = equalized(split(10).images) if equalize else split(10).images
    for stream in (batches.training(), batches.validating()):
        views = next(stream.as_numpy_iterator())[0][..., 0].astype(np.uint8)
        assert {view.tobytes() for view in views} == {image.tobytes() for image in expected}


def test_equalised_gray_levels_spread_over_the_whole_range() -> None:
    dull = (noise(2) // 8 + 100).astype(np.uint8)
    found = equalized(dull)
    assert dull.max() - dull.min() < 40
    assert found.min() == 0
    assert found.max() == 255


@pytest.mark.parametrize(("window", "size"), [(48, 48), (44, 44), (44, 32), (48, 24)])
def test_centre_has_the_side_asked_for(window: int, size: int) -> None:
    assert centre(noise(2), window, size).shape == (2, size, size)
