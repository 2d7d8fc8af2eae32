"""Splits, fingerprint and FER+ labels; with the real data, the figures that the project publishes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fersys.errors import DataError
from fersys.labels import EMOTIONS
from tests.made_data import noise, patterns, records, write_parquet
from train import inventory
from train.data import Fer2013, check_records, class_counts, ferplus_labels, fingerprint, load_fer2013
from train.sources import COUNTS, Records
from train.twins import audit

COLUMNS = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt", "unknown", "NF")


@pytest.fixture(scope="module")
def fer2013(fer2013_source: str) -> Fer2013:
    return load_fer2013(fer2013_source)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Fer2013:
    made = records()
    images, labels = made.images.copy(), made.labels.copy()
    images[50] = images[0]  # test 50 has a twin in Training
    images[51] = images[30]  # test 51 has one in validation
    images[2], labels[2] = images[1], 6  # conflicting
    images[4], labels[4] = images[3], labels[3]  # repeated
    votes = np.zeros_like(made.votes)
    votes[:, 7] = 10  # contempt
    votes[-2:, 1] = 11  # happy
    return load_fer2013(str(write_parquet(tmp_path_factory.mktemp("fer2013"), replace(made, images=images, labels=labels, votes=votes))), strict=False)


def rows_of(data: Fer2013, name: str) -> list[int]:
    return list(map(int, data.split(name).rows))


def test_official_splits_keep_their_images(small: Fer2013) -> None:
    assert rows_of(small, "train") == list(range(28))
    assert rows_of(small, "validation") == list(range(28, 42))
    assert rows_of(small, "test") == list(range(42, 56))


def test_fitting_split_is_cleaned_and_what_went_is_counted(small: Fer2013) -> None:
    assert rows_of(small, "fit") == [3, *range(5, 28)]
    assert small.removed == {"twin_in_validation_or_test": 1, "conflicting_labels": 2, "repeated": 1, "kept": 24}


def test_clean_and_strict_test_splits_leave_twins_out(small: Fer2013) -> None:
    assert set(rows_of(small, "test")) - set(rows_of(small, "test_clean")) == {50}
    assert set(rows_of(small, "test")) - set(rows_of(small, "test_strict")) == {50, 51}


def test_ferplus_split_has_the_images_whose_raters_agree_on_an_expression(small: Fer2013) -> None:
    assert rows_of(small, "test_ferplus") == [54, 55]


def test_a_split_carries_images_labels_and_groups_of_the_same_rows(small: Fer2013) -> None:
    split = small.split("fit", 5)
    assert split.rows.tolist() == [3, 5, 6, 7, 8]
    np.testing.assert_array_equal(split.images, small.records.images[split.rows])
    np.testing.assert_array_equal(split.labels, small.records.labels[split.rows])
    assert small.split("train").groups[1] == small.split("train").groups[2]


def test_unknown_names_are_refused(small: Fer2013, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected fit, train, .*Received: 'tset'"):
        small.split("tset")
    with pytest.raises(DataError, match=r"expected official or paper. Received: 'kaggle'"):
        load_fer2013(str(tmp_path), "kaggle")


def test_without_votes_there_is_no_ferplus_split(tmp_path: Path) -> None:
    data = load_fer2013(str(write_parquet(tmp_path, replace(records(), votes=None))), strict=False)
    assert "test_ferplus" not in data.splits


# The paper's split


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_parquet(tmp_path_factory.mktemp("pooled"), records(140, 70, 70)))


def test_paper_split_shares_out_all_images(pooled: str) -> None:
    data = load_fer2013(pooled, "paper", strict=False)
    masks = [data.splits[name] for name in ("fit", "validation", "test")]
    assert [int(mask.sum()) for mask in masks] == [196, 42, 42]
    assert (np.sum(masks, axis=0) == 1).all()
    np.testing.assert_array_equal(data.splits["fit"], data.splits["train"])
    assert data.removed == {}


def test_paper_split_is_stratified_and_mixes_the_official_ones(pooled: str) -> None:
    data = load_fer2013(pooled, "paper", strict=False)
    for name, each in (("fit", 28), ("validation", 6), ("test", 6)):
        assert class_counts(data.split(name).labels) == dict.fromkeys(EMOTIONS, each)
        assert set(data.records.splits[data.splits[name]]) == {"train", "validation", "test"}


def test_paper_split_depends_on_its_seed_alone(pooled: str) -> None:
    first, again, other = (rows_of(load_fer2013(pooled, "paper", seed, strict=False), "test") for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_paper_split_of_too_few_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 4 images of each expression"):
        load_fer2013(str(write_parquet(tmp_path, records(5, 1, 1))), "paper", strict=False)


# Checks


def test_wrong_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected {'train': 28709, .*Received: {'train': 28, "):
        load_fer2013(str(write_parquet(tmp_path, records())))


def test_wrong_shapes_and_nothing_at_all_are_refused() -> None:
    made = records()
    with pytest.raises(DataError, match=r"48×48. Received: uint8 \(40, 48\)"):
        check_records(replace(made, images=made.images[:, :40]), strict=False)
    with pytest.raises(DataError, match="Received: float32"):
        check_records(replace(made, images=made.images.astype(np.float32)), strict=False)
    with pytest.raises(DataError, match="Received: none"):
        check_records(replace(made, images=made.images[:0]), strict=False)


# Fingerprint


def reordered(made: Records, order: list[int]) -> Records:
    return Records(made.images[order], made.labels[order], made.splits[order], made.rows[order], None)


def test_fingerprint_does_not_depend_on_the_order() -> None:
    made = records()
    assert fingerprint(reordered(made, list(range(55, -1, -1)))) == fingerprint(made)


@pytest.mark.parametrize("changed", ["pixel", "label", "split", "count"])
def test_fingerprint_changes_with_the_content(changed: str) -> None:
    made = records()
    images, labels, splits = made.images.copy(), made.labels.copy(), made.splits.copy()
    if changed == "pixel":
        images[7, 1, 1] ^= 1
    elif changed == "label":
        labels[7] = (labels[7] + 1) % 7
    elif changed == "split":
        splits[7] = "test"
    other = replace(made, images=images, labels=labels, splits=splits)
    assert fingerprint(reordered(other, list(range(55))) if changed == "count" else other) != fingerprint(made)


# FER+


@pytest.mark.parametrize(("column", "name"), list(enumerate(COLUMNS)))
def test_ferplus_plurality_is_mapped_by_name(column: int, name: str) -> None:
    votes = np.ones((1, 10), np.uint8)
    votes[0, column] = 4
    assert ferplus_labels(votes).tolist() == [EMOTIONS.index(name) if name in EMOTIONS else -1]


def test_ferplus_ties_and_images_without_votes_have_no_label() -> None:
    votes = np.zeros((3, 10), np.uint8)
    votes[0, [1, 3]] = 5
    votes[1, [1, 9]] = 5
    assert ferplus_labels(votes).tolist() == [-1, -1, -1]


def test_class_counts_are_in_the_order_of_the_labels() -> None:
    assert list(class_counts(np.array([6, 0, 6])).items()) == [*zip(EMOTIONS, (1, 0, 0, 0, 0, 0, 2), strict=True)]


def test_made_data_is_free_of_twins() -> None:
    images = np.concatenate([noise(20), patterns(56)[0]])
    assert len({image.tobytes() for image in images}) == 76


# The real data


def test_real_counts(fer2013: Fer2013) -> None:
    assert {name: int(fer2013.splits[name].sum()) for name in COUNTS} == COUNTS
    labels = {name: list(class_counts(fer2013.split(name).labels).values()) for name in COUNTS}
    assert labels["train"] == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert labels["validation"] == [467, 56, 496, 895, 653, 415, 607]
    assert labels["test"] == [491, 55, 528, 879, 594, 416, 626]


def test_real_fingerprint(fer2013: Fer2013) -> None:
    assert fer2013.fingerprint == "08bbc7ef43054cb08d7c3efeaaf63eb29ee05371fdbc040e9c7d918669a5bff5"


def test_real_twins(fer2013: Fer2013) -> None:
    found = audit(fer2013.records, fer2013.twins)
    assert found["test_with_exact_twin_in_train"] == 288
    assert found["validation_with_exact_twin_in_train"] == 280
    assert found["exact_groups_with_conflicting_labels"] == 57
    assert int(fer2013.splits["test_clean"].sum()) == 3_301


def test_real_clean_up(fer2013: Fer2013) -> None:
    assert fer2013.removed == {"twin_in_validation_or_test": 1000, "conflicting_labels": 181, "repeated": 1170, "kept": 26_358}
    fit = fer2013.split("fit")
    assert len(np.unique(fit.groups)) == len(fit.groups) == 26_358
    for name in ("validation", "test"):
        assert not np.isin(fit.groups, fer2013.split(name).groups).any()


def test_real_strict_test_split_has_no_twin_outside(fer2013: Fer2013) -> None:
    seen = np.concatenate([fer2013.split("train").groups, fer2013.split("validation").groups])
    assert not np.isin(fer2013.split("test_strict").groups, seen).any()


def test_real_inventory_shows_whose_number_the_paper_printed(fer2013: Fer2013, tmp_path: Path) -> None:
    text = inventory.run(fer2013, tmp_path / "data.json")
    written = json.loads((tmp_path / "data.json").read_text())
    for row in written["instances"].values():  # a stratified re-split has the same share of every expression
        assert abs(row["paper_truly"] / row["all"] - 28_821 / 35_887) < 0.01
    assert "26,358" in text
    assert max(map(len, text.splitlines()[:-1])) <= 80
