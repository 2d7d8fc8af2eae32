"""What the core hands out."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from fersys.errors import ModelError
from fersys.labels import EMOTIONS
from fersys.results import NOT_SURE, Face, Prediction, to_prediction

PROBABILITIES = np.array([0.05, 0.1, 0.15, 0.02, 0.4, 0.2, 0.08], np.float32)


def test_probabilities_are_named_in_the_order_of_the_expressions() -> None:
    prediction = to_prediction("tiny", PROBABILITIES)
    assert tuple(prediction.scores) == EMOTIONS
    assert list(prediction.scores.values()) == [pytest.approx(value) for value in PROBABILITIES.tolist()]


@pytest.mark.parametrize("position", range(len(EMOTIONS)))
def test_label_is_the_most_probable_expression_and_score_its_probability(position: int) -> None:
    prediction = to_prediction("tiny", np.where(np.arange(7) == position, 0.4, 0.1))
    assert prediction.label == EMOTIONS[position]
    assert prediction.score == 0.4


def test_scores_are_plain_numbers_that_json_takes() -> None:
    assert {type(value) for value in to_prediction("tiny", PROBABILITIES).scores.values()} == {float}


@pytest.mark.parametrize("count", [0, 6, 8])
def test_another_number_of_probabilities_is_refused(count: int) -> None:
    with pytest.raises(ModelError, match=rf"tiny: expected 7 probabilities\. Received: {count}$"):
        to_prediction("tiny", [0.0] * count)


def test_a_prediction_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        to_prediction("tiny", PROBABILITIES).model = "other"  # type: ignore[misc]


def test_predictions_compare_by_value_and_faces_by_identity() -> None:
    first, second = (Face((0, 0, 2, 2), 1.0, np.empty((0, 2), np.float32), np.zeros((2, 2, 3), np.uint8)) for _ in range(2))
    assert first in [first]
    assert first != second
    assert to_prediction("tiny", PROBABILITIES) == Prediction("tiny", to_prediction("tiny", PROBABILITIES).scores)


@pytest.mark.parametrize(("certainty", "certain"), [(0.0, True), (0.39, True), (0.41, False), (1.0, False)])
def test_answer_is_certain_from_the_certainty_on(certainty: float, certain: bool) -> None:
    prediction = to_prediction("tiny", PROBABILITIES, certainty)
    assert prediction.certain is certain
    assert prediction.label == "sad"
    assert prediction.score == pytest.approx(0.4)
    assert prediction.verdict == ("sad" if certain else NOT_SURE)


def test_top_probability_of_just_the_certainty_is_enough() -> None:
    assert to_prediction("tiny", [0.5, 0.5, 0, 0, 0, 0, 0], 0.5).certain


def test_without_a_certainty_every_answer_is_certain() -> None:
    assert to_prediction("tiny", [1 / 7] * 7).certain
    assert Prediction("tiny", dict.fromkeys(EMOTIONS, 1 / 7)).certain
