"""Packages and records that are read for the comparison."""

from pathlib import Path

import numpy as np
import pytest

from fersys.calibration import apply_temperature
from fersys.errors import DataError, PackageError
from tests.made_arms import make_arm, predictions, set_config
from train.arms import ABOUT, find_arms, shared_splits
from train.calibrate import choose_temperature


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    models, records = tmp_path / "models", tmp_path / "records"
    make_arm(models, "zebra", predictions(0), temperature=1.5, history=3)
    make_arm(models, "fersys-cnn-paper", predictions(1, splits=("train", "validation")))
    make_arm(models, "fersys-cnn", predictions(2))
    make_arm(records, "fer", predictions(3), serving_megabytes=0.9)
    make_arm(records, "aardvark", predictions(4), serving_megabytes=0.9)
    return models, records


def test_known_models_come_in_their_order_and_others_after_them(folders: tuple[Path, Path]) -> None:
    assert [arm.name for arm in find_arms(*folders)] == ["fersys-cnn", "fersys-cnn-paper", "fer", "aardvark", "zebra"]
    assert list(ABOUT).index("fersys-cnn") < list(ABOUT).index("fer")


def test_packages_are_shipped_and_records_are_not(folders: tuple[Path, Path]) -> None:
    assert {arm.name: arm.shipped for arm in find_arms(*folders)} == {
        "fersys-cnn": True,
        "fersys-cnn-paper": True,
        "zebra": True,
        "fer": False,
        "aardvark": False,
    }


def test_a_model_tells_what_it_is_and_what_it_was_measured_on(folders: tuple[Path, Path]) -> None:
    arms = {arm.name: arm for arm in find_arms(*folders)}
    assert (arms["fersys-cnn"].about, arms["zebra"].about) == (ABOUT["fersys-cnn"], "")
    assert set(arms["fersys-cnn-paper"].splits) == {"train", "validation"}
    assert (len(arms["zebra"].history), len(arms["fersys-cnn"].history)) == (3, 0)
    assert arms["fer"].serving_sha256 == arms["fer"].metrics["serving_sha256"] != ""


def test_no_folder_has_no_models(tmp_path: Path) -> None:
    assert find_arms(tmp_path / "none", tmp_path / "nothing") == []


def test_models_of_different_data_are_not_compared(folders: tuple[Path, Path]) -> None:
    make_arm(folders[1], "foreign", predictions(), serving_megabytes=1.0, data_fingerprint="f" * 64)
    with pytest.raises(DataError, match=r"measured on the same data\. Received: fingerprints of .*foreign"):
        find_arms(*folders)


def test_models_of_copies_in_different_order_are_not_compared(folders: tuple[Path, Path]) -> None:
    """Their pairs of answers would belong to different images."""
    answers = predictions(7)
    inside = np.nonzero(answers.splits == "test")[0]
    order = np.arange(len(answers.labels))
    order[inside] = inside[::-1]
    for column in (answers.rows, answers.labels, answers.groups, answers.probabilities):
        column[:] = column[order]
    make_arm(folders[1], "turned", answers, serving_megabytes=1.0)
    with pytest.raises(DataError, match=r"copies of the data in one order\. Received: .*turned"):
        find_arms(*folders)


def test_model_that_was_not_measured_is_refused(folders: tuple[Path, Path]) -> None:
    (folders[0] / "zebra" / "metrics.json").unlink()
    with pytest.raises(PackageError, match=r"metrics\.json"):
        find_arms(*folders)


def test_a_temperature_of_its_own_is_undone_and_kept(folders: tuple[Path, Path]) -> None:
    set_config(folders[0] / "zebra", temperature=1.5)
    arm = next(arm for arm in find_arms(*folders) if arm.name == "zebra")
    before, after = arm.before_and_after("test")
    given = arm.predictions.of("test")[0]
    assert (arm.fitted, arm.temperature) == (True, 1.5)
    np.testing.assert_array_equal(after, given)
    np.testing.assert_allclose(apply_temperature(before, 1.5), given, atol=1e-6)
    assert np.abs(before - given).max() > 0.01


def test_model_without_a_temperature_gets_that_which_validation_chooses(folders: tuple[Path, Path]) -> None:
    arm = next(arm for arm in find_arms(*folders) if arm.name == "fersys-cnn")
    before, after = arm.before_and_after("test")
    given = arm.predictions.of("test")[0]
    assert not arm.fitted
    assert arm.temperature == choose_temperature(*arm.predictions.of("validation")) != 1
    np.testing.assert_array_equal(before, given)
    np.testing.assert_array_equal(after, apply_temperature(given, arm.temperature))


def test_model_that_was_not_measured_on_validation_keeps_its_probabilities(tmp_path: Path) -> None:
    make_arm(tmp_path, "odd", predictions(splits=("test",)))
    (arm,) = find_arms(tmp_path, tmp_path / "none")
    assert arm.temperature == 1
    np.testing.assert_allclose(*arm.before_and_after("test"), atol=1e-6)


def test_answers_carry_the_groups_of_near_twins(folders: tuple[Path, Path]) -> None:
    arm = find_arms(*folders)[0]
    answers = arm.answers("test")
    assert len(answers.truth) == 140
    assert len(np.unique(answers.groups)) == 126


def test_splits_are_shared_if_every_model_was_measured_on_them(folders: tuple[Path, Path]) -> None:
    arms = find_arms(*folders)
    assert shared_splits(arms, ("validation", "test", "test_clean")) == ["validation"]
    assert shared_splits([arm for arm in arms if arm.name != "fersys-cnn-paper"], ("test_clean", "test")) == ["test_clean", "test"]
