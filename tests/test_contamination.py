"""The draws of the paper's images, and what is told of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from fersys.labels import EMOTIONS
from tests.made_arms import make_arm, predictions
from train.arms import AS_PUBLISHED, find_arms
from train.contamination import AUTHOR, DRAWN, DRAWS, PAPER, SIMULATED, draws, expected_accuracy, simulate, tell

LABELS = np.repeat(np.arange(7), [350, 70, 400, 700, 500, 300, 480])


def test_whole_fer2013_gives_as_many_images_as_the_paper_had() -> None:
    masks = draws(np.arange(35_887) % 7, count=2)
    assert masks.sum(axis=1).tolist() == [DRAWN, DRAWN]
    assert masks.shape == (2, 35_887)


def test_draws_are_stratified_differ_and_can_be_repeated() -> None:
    masks = draws(LABELS, count=4)
    share = DRAWN / 35_887
    for mask in masks:
        np.testing.assert_allclose(np.bincount(LABELS[mask]), share * np.bincount(LABELS), atol=1)
    assert len({mask.tobytes() for mask in masks}) == 4
    np.testing.assert_array_equal(masks, draws(LABELS, count=4))


def test_every_image_is_drawn_about_equally_often() -> None:
    often = draws(LABELS, count=60).mean(axis=0)
    assert often.mean() == pytest.approx(DRAWN / 35_887, abs=1e-3)
    assert 0.5 < often.min() < often.max() <= 1


def test_simulated_figures_are_those_of_scikit_learn_over_the_draws() -> None:
    answers = predictions(skill=0.8, memory=2)
    found = simulate(answers, count=5)
    assert found is not None
    chosen, masks = answers.probabilities.argmax(axis=1), draws(answers.labels, 5)
    accuracy = [accuracy_score(answers.labels[mask], chosen[mask]) for mask in masks]
    tables = [precision_recall_fscore_support(answers.labels[mask], chosen[mask], labels=range(7), zero_division=0) for mask in masks]
    assert found["accuracy"] == pytest.approx({"mean": np.mean(accuracy), "low": min(accuracy), "high": max(accuracy)})
    assert found["macro_f1"]["mean"] == pytest.approx(np.mean([table[2].mean() for table in tables]))
    assert found["weighted_f1"]["high"] == pytest.approx(max(table[2] @ table[3] / table[3].sum() for table in tables))
    for number, name in enumerate(EMOTIONS):
        for kind, column in (("precision", 0), ("recall", 1), ("f1", 2)):
            assert found["per_class"][name][kind]["low"] == pytest.approx(min(table[column][number] for table in tables))
    assert (found["n"], found["draws"]) == (masks[0].sum(), 5)


def test_share_of_training_images_is_told() -> None:
    found = simulate(predictions(), count=8)
    assert found is not None
    assert found["seen"]["mean"] == pytest.approx(280 / 560, abs=0.02)  # of these made images half are Training
    assert found["seen"]["low"] < found["seen"]["high"]


def test_model_that_was_not_measured_on_everything_is_not_simulated() -> None:
    assert simulate(predictions(splits=("train", "validation"))) is None
    assert simulate(predictions(splits=("validation", "test"))) is None


def test_author_s_figures_are_mixed_by_what_was_seen() -> None:
    assert expected_accuracy(1) == AUTHOR["train"]
    assert expected_accuracy(0) == AUTHOR["validation"]
    assert expected_accuracy(0.8) == pytest.approx(0.851, abs=1e-3)


@pytest.fixture
def told(tmp_path: Path) -> dict[str, Any]:
    make_arm(tmp_path / "models", "fersys-cnn", predictions(0))
    make_arm(tmp_path / "models", "closed", predictions(1, splits=("train", "validation")))
    make_arm(tmp_path / "records", AS_PUBLISHED, predictions(2, skill=0.5, memory=4), serving_megabytes=6.0)
    arms = find_arms(tmp_path / "models", tmp_path / "records")
    return tell(arms, {arm.name: simulate(arm.predictions, 3) for arm in arms})


def test_claims_stand_beside_what_is_measured(told: dict[str, Any]) -> None:
    assert (told["paper"], told["author"], told["as_published"]) == (PAPER, AUTHOR, AS_PUBLISHED)
    assert told["expected"] == expected_accuracy(told["seen"])
    rows = {row["model"]: row for row in told["rows"]}
    published = rows[AS_PUBLISHED]
    assert published["train"] > 0.9 > 0.5 > published["test"]
    assert published["test"] < published[SIMULATED]["low"] < published[SIMULATED]["high"] < published["train"]
    assert published["test_strict"] is None


def test_what_was_not_measured_is_none(told: dict[str, Any]) -> None:
    closed = next(row for row in told["rows"] if row["model"] == "closed")
    assert (closed["test"], closed[SIMULATED]) == (None, None)
    assert closed["train"] > 0


def test_without_a_model_that_saw_everything_nothing_is_expected(tmp_path: Path) -> None:
    make_arm(tmp_path, "closed", predictions(1, splits=("train", "validation")))
    arms = find_arms(tmp_path, tmp_path / "none")
    told = tell(arms, {"closed": None})
    assert (told["seen"], told["expected"], told["as_published"]) == (None, None, None)


def test_draws_are_as_many_as_are_told() -> None:
    found = simulate(predictions())
    assert found is not None
    assert found["draws"] == DRAWS == len(draws(LABELS))
