"""Copies among images, and what the clean-up does with them."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from tests.made_data import noise
from train import twins
from train.sources import Records
from train.twins import Twins, audit, clean_training, conflicting, find_twins, has_twin

Groups = npt.NDArray[np.int64]


def smooth(count: int) -> npt.NDArray[np.uint8]:
    """Blurred noise: like photographs, it survives a change of size."""
    images = [cv2.GaussianBlur(image, (9, 9), 3) for image in noise(count, 7)]
    return np.stack([cv2.normalize(image, np.empty_like(image), 0, 255, cv2.NORM_MINMAX) for image in images]).astype(np.uint8)


def pairs(groups: Groups) -> set[tuple[int, int]]:
    return {(a, b) for a in range(len(groups)) for b in range(a + 1, len(groups)) if groups[a] == groups[b]}


def made(splits: list[str], labels: list[int], exact: list[int], near: list[int]) -> tuple[Records, Twins]:
    count = len(splits)
    records = Records(noise(count), np.array(labels), np.array(splits), np.arange(count), None)
    return records, Twins(np.array(exact), np.array(near))


def test_unlike_images_have_no_twins() -> None:
    found = find_twins(noise(30))
    assert pairs(found.exact) == pairs(found.near) == set()


def test_exact_twins_share_all_pixels() -> None:
    images = noise(6)
    images[4] = images[1]
    images[5] = images[1]
    images[5, 0, 0] ^= 1
    found = find_twins(images)
    assert pairs(found.exact) == {(1, 4)}
    assert pairs(found.near) == {(1, 4), (1, 5), (4, 5)}


def test_brighter_and_rescaled_copies_are_near_twins() -> None:
    images = smooth(5)
    images[3] = (images[0] * 0.6 + 40).astype(np.uint8)
    images[4] = cv2.resize(cv2.resize(images[1], (36, 36)), (48, 48))
    found = find_twins(images)
    assert pairs(found.exact) == set()
    assert pairs(found.near) == {(0, 3), (1, 4)}


def mixed(share: float) -> npt.NDArray[np.uint8]:
    """Two images whose correlation is about `share`."""
    one, other = smooth(2).astype(float)
    return np.stack([one, share * (one - one.mean()) + np.sqrt(1 - share**2) * (other - other.mean()) + 128]).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("share", "near"), [(0.97, False), (0.976, True)])
def test_near_means_a_correlation_above_the_limit(share: float, near: bool) -> None:
    images = mixed(share)
    correlation = np.corrcoef(images[0].ravel(), images[1].ravel())[0, 1]
    assert (correlation > twins.NEAR) == near
    assert bool(pairs(find_twins(images).near)) == near


def test_twins_of_twins_are_one_group() -> None:
    found = find_twins(np.concatenate([smooth(1), smooth(1), smooth(1) // 2, smooth(2)[1:]]))
    assert pairs(found.near) == {(0, 1), (0, 2), (1, 2)}


def test_flat_images_are_no_near_twins_of_anything() -> None:
    found = find_twins(np.stack([np.full((48, 48), 3, np.uint8), np.full((48, 48), 200, np.uint8), *noise(2)]))
    assert pairs(found.near) == set()


def test_groups_do_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.concatenate([noise(20), noise(20)[5:9] ^ 1])
    expected = {(number, number + 15) for number in range(5, 9)}
    for size in (3, 16, 512):
        monkeypatch.setattr(twins, "_BLOCK", size)
        assert pairs(find_twins(images).near) == expected


def test_has_twin_and_conflicting() -> None:
    groups = np.array([0, 1, 0, 2, 1, 2])
    assert has_twin(groups, np.array([True, False, False, False, False, False])).tolist() == [True, False, True, False, False, False]
    assert conflicting(groups, np.array([3, 1, 3, 0, 2, 0])).tolist() == [False, True, False, False, True, False]
    assert not has_twin(groups, np.zeros(6, bool)).any()


def test_clean_up_follows_its_three_rules() -> None:
    #            0 twin of a test image, 1–2 repeated, 3–4 disputed, 5 alone, 6 validation, 7 test, 8 twin of 6
    splits = ["train"] * 6 + ["validation", "test", "train"]
    near = [10, 11, 11, 12, 12, 13, 14, 10, 14]
    kept, removed = clean_training(*made(splits, [3, 1, 1, 2, 4, 5, 0, 3, 0], list(range(9)), near))
    assert np.nonzero(kept)[0].tolist() == [1, 5]
    assert removed == {"twin_in_validation_or_test": 2, "conflicting_labels": 2, "repeated": 1, "kept": 2}


def test_nothing_of_validation_or_test_is_ever_removed_or_fitted_on() -> None:
    splits = ["test", "test", "validation", "validation", "train"]
    kept, removed = clean_training(*made(splits, [0, 1, 2, 3, 4], [0, 0, 1, 1, 2], [0, 0, 1, 1, 2]))
    assert kept.tolist() == [False, False, False, False, True]
    assert removed == {"twin_in_validation_or_test": 0, "conflicting_labels": 0, "repeated": 0, "kept": 1}


def test_audit_counts_images_within_and_across_splits() -> None:
    splits = ["train", "train", "validation", "test", "test", "test"]
    found = audit(*made(splits, [0, 1, 0, 0, 5, 6], [0, 1, 0, 0, 2, 3], [0, 1, 0, 0, 1, 2]))
    assert found == {
        "exact_redundant": 2,
        "exact_groups_with_conflicting_labels": 0,
        "validation_with_exact_twin_in_train": 1,
        "test_with_exact_twin_in_train": 1,
        "test_with_exact_twin_in_validation": 1,
        "near_redundant": 3,
        "near_groups_with_conflicting_labels": 1,
        "validation_with_near_twin_in_train": 1,
        "test_with_near_twin_in_train": 2,
        "test_with_near_twin_in_validation": 1,
    }
