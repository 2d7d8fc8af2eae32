"""Temperature scaling."""

import numpy as np
import pytest
from scipy.special import softmax

from fersys.calibration import apply_temperature
from fersys.errors import ConfigError


def random_logits(count: int = 50) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 7)) * 3


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7, 8.0])
def test_equals_softmax_of_divided_logits(temperature: float) -> None:
    logits = random_logits()
    scaled = apply_temperature(softmax(logits, axis=1), temperature)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, softmax(logits / temperature, axis=1), rtol=1e-5, atol=1e-7)


def test_rows_sum_to_one_and_answers_stay() -> None:
    probabilities = softmax(random_logits(), axis=1)
    scaled = apply_temperature(probabilities, 2.5)
    np.testing.assert_allclose(scaled.sum(axis=1), 1, atol=1e-6)
    assert (scaled.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    assert (scaled.max(axis=1) < probabilities.max(axis=1)).all()


def test_inverse_temperature_undoes_it() -> None:
    probabilities = softmax(random_logits(), axis=1)
    np.testing.assert_allclose(apply_temperature(apply_temperature(probabilities, 1.6), 1 / 1.6), probabilities, atol=1e-6)


def test_a_probability_of_zero_gives_no_nan() -> None:
    sure = np.eye(7, dtype=np.float32)
    np.testing.assert_allclose(apply_temperature(sure, 1.0), sure, atol=1e-30)
    assert np.isfinite(apply_temperature(sure, 0.05)).all()
    assert np.isfinite(apply_temperature(sure, 20.0)).all()


def test_no_images_give_no_rows() -> None:
    assert apply_temperature(np.empty((0, 7), np.float32), 1.5).shape == (0, 7)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_temperature_must_be_above_zero(temperature: float) -> None:
    with pytest.raises(ConfigError, match="Received"):
        apply_temperature(np.eye(7), temperature)
