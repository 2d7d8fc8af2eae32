"""What a trained network says, and the shift that lifts rare classes."""

from collections.abc import Callable

import keras
import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax

import train.adjust
from tests.made_data import patterns
from train.adjust import lift_rare_classes, probabilities_of
from train.batches import equalized
from train.calibrate import TAUS, adjust_logits, choose_tau, class_priors
from train.config import FitConfig
from train.data import Split

CONFIG = FitConfig(batch_size=8, precision="float32")


def small_network(side: int = 48) -> keras.Model:
    views = keras.Input((side, side, 1))
    keras.utils.set_random_seed(0)
    x = keras.layers.AveragePooling2D(4)(views / 64.0)
    return keras.Model(views, keras.layers.Dense(7, name="logits")(keras.layers.Flatten()(x)))


def uneven(count: int, seed: int = 0) -> Split:
    """Images with many of the first classes and few of the last."""
    images, _ = patterns(count, seed)
    labels = np.sort(np.arange(count) % 28).astype(np.int64)
    return Split(images, np.minimum(labels // 4 + labels % 3, 6) % 7, np.arange(count), np.arange(count))


@pytest.fixture
def network() -> keras.Model:
    return small_network()


@pytest.mark.parametrize("count", [1, 8, 21])
def test_probabilities_are_the_softmax_of_the_network_on_whole_images(network: keras.Model, count: int) -> None:
    split = uneven(count)
    probabilities = probabilities_of(network, CONFIG, split)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (count, 7)
    logits = np.asarray(network(split.images[..., None].astype(np.float32)))
    np.testing.assert_allclose(probabilities, softmax(logits, axis=1), atol=1e-5)


def test_no_image_gives_no_row(network: keras.Model) -> None:
    assert probabilities_of(network, CONFIG, uneven(0)).shape == (0, 7)


SEEN: list[tuple[FitConfig, Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]]] = [
    (FitConfig(window=44, window_start=44, architecture="res3"), lambda images: images[:, 2:46, 2:46]),
    (FitConfig(window=44, window_start=32, architecture="res3"), lambda images: images[:, 2:46, 2:46]),
    (FitConfig(equalize=True), equalized),
]


@pytest.mark.parametrize(("config", "expected"), SEEN)
def test_network_sees_the_view_that_it_was_validated_on(config: FitConfig, expected: Callable[..., npt.NDArray[np.uint8]]) -> None:
    split, seen = uneven(6), expected(uneven(6).images)
    network = small_network(seen.shape[1])
    logits = np.asarray(network(seen[..., None].astype(np.float32)))
    np.testing.assert_allclose(probabilities_of(network, config, split), softmax(logits, axis=1), atol=1e-5)


@pytest.mark.parametrize("tau", [0.0, 0.3, 0.5])
def test_shift_in_the_bias_is_the_logit_adjustment(network: keras.Model, tau: float, monkeypatch: pytest.MonkeyPatch) -> None:
    fit_split, validation = uneven(70), uneven(30, seed=1)
    priors = class_priors(fit_split.labels)
    assert priors.max() > 1.5 * priors.min()
    before = probabilities_of(network, CONFIG, validation)
    monkeypatch.setattr(train.adjust, "choose_tau", lambda *_: tau)
    assert lift_rare_classes(network, CONFIG, fit_split, validation) == tau
    np.testing.assert_allclose(probabilities_of(network, CONFIG, validation), adjust_logits(before, priors, tau), atol=1e-5)


def test_strength_is_chosen_on_validation_with_the_priors_of_the_fitted_images(network: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def choose(probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], priors: npt.NDArray[np.float64]) -> float:
        asked.append((probabilities, labels, priors))
        return choose_tau(probabilities, labels, priors)

    fit_split, validation = uneven(70), uneven(30, seed=1)
    before = probabilities_of(network, CONFIG, validation)
    monkeypatch.setattr(train.adjust, "choose_tau", choose)
    assert lift_rare_classes(network, CONFIG, fit_split, validation) in TAUS
    ((probabilities, labels, priors),) = asked
    np.testing.assert_array_equal(probabilities, before)
    np.testing.assert_array_equal(labels, validation.labels)
    np.testing.assert_array_equal(priors, class_priors(fit_split.labels))
