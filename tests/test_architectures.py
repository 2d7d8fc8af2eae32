"""Every network of the table."""

import keras
import numpy as np
import pytest

from fersys.errors import ConfigError
from tests.made_data import noise
from train.architectures import ANY_SIZE, ARCHITECTURES, build_network
from train.config import FitConfig


def built(**settings: object) -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_network(FitConfig(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_every_network_gives_seven_logits_an_image(name: str) -> None:
    network = built(architecture=name)
    for count in (1, 3):
        logits = keras.ops.convert_to_numpy(network(noise(count)[..., None].astype(np.float32)))
        assert logits.shape == (count, 7)
        assert logits.dtype == np.float32
        assert np.isfinite(logits).all()
    assert network.count_params() <= 5_000_000


@pytest.mark.parametrize("name", sorted(ANY_SIZE))
def test_some_networks_take_views_of_growing_size(name: str) -> None:
    network = built(architecture=name, window=44, window_start=32)
    for side in (32, 36, 44):
        assert network(np.zeros((2, side, side, 1), np.float32)).shape == (2, 7)


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - ANY_SIZE))
def test_growing_windows_are_refused_where_a_layer_has_a_fixed_size(name: str) -> None:
    with pytest.raises(ConfigError, match=f"need one of res3. Received: {name}"):
        built(architecture=name, window=44, window_start=32)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected paper, .*Received: 'resnet50'"):
        built(architecture="resnet50")


def normalised(inputs: int, filters: int, kernel: int = 3) -> int:
    """Weights of a convolution without bias and of the batch normalisation that follows."""
    return kernel * kernel * inputs * filters + 4 * filters


def residual(inputs: int, width: int, strided: bool) -> int:
    squeeze = width * (width // 8) + width // 8 + (width // 8) * width + width
    return normalised(inputs, width) + normalised(width, width) + squeeze + (normalised(inputs, width, 1) if strided else 0)


def test_parameters_of_the_paper_network_are_those_of_its_layers() -> None:
    blocks = normalised(1, 32) + normalised(32, 64) + normalised(64, 128)
    dense = normalised(6 * 6 * 128, 256, 1) + normalised(256, 128, 1)
    assert built(architecture="paper").count_params() == blocks + dense + 128 * 7 + 7


def test_parameters_of_the_residual_network_are_those_of_its_layers() -> None:
    blocks = sum(residual(inputs, width, True) + residual(width, width, False) for inputs, width in ((32, 64), (64, 128), (128, 256)))
    assert built(architecture="res3").count_params() == normalised(1, 32) + blocks + 256 * 7 + 7


def test_without_batch_normalisation_layers_have_biases() -> None:
    network = built(batch_norm=False)
    assert not [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert all(layer.use_bias for layer in network.layers if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)))


def test_standardisation_takes_out_brightness_and_contrast() -> None:
    network = built()
    image = noise(1).astype(np.float32)[..., None]
    answers = [keras.ops.convert_to_numpy(network(x)) for x in (image, image - 90, (image - 128) * 0.5 + 128)]
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-4)
    np.testing.assert_allclose(answers[2], answers[0], atol=0.25 * np.ptp(answers[0]))


@pytest.mark.parametrize("level", [0.0, 128.0, 255.0])
def test_a_flat_image_gives_finite_logits(level: float) -> None:
    assert np.isfinite(keras.ops.convert_to_numpy(built()(np.full((2, 48, 48, 1), level, np.float32)))).all()


def test_dropout_and_batch_statistics_act_in_training_only() -> None:
    network = built(dropout=0.9)
    views = noise(4)[..., None].astype(np.float32)
    plain, again, training = (keras.ops.convert_to_numpy(network(views, training=mode)) for mode in (False, False, True))
    np.testing.assert_array_equal(plain, again)
    assert np.abs(training - plain).max() > 1e-3
