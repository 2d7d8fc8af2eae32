"""Every network of the table."""

import keras
import numpy as np
import pytest

from fersys.errors import ConfigError
from tests.made_data import noise
from train.architectures import ARCHITECTURES, build_network
from train.config import FitConfig

ANY_SIZE = {name for name, architecture in ARCHITECTURES.items() if architecture.any_size}


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


def test_the_network_of_one_size_refuses_others() -> None:
    with pytest.raises(ConfigError, match=r"deepface: expected window=48\. Received: 44"):
        built(architecture="deepface", window=44, window_start=44)


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


# DeepFace's `load_model` (0.0.103), written out: kind, weights and output of each layer between pixels and probabilities.
DEEPFACE = [
    ("Conv2D", 1_664, (44, 44, 64)),
    ("MaxPooling2D", 0, (20, 20, 64)),
    ("Conv2D", 36_928, (18, 18, 64)),
    ("Conv2D", 36_928, (16, 16, 64)),
    ("AveragePooling2D", 0, (7, 7, 64)),
    ("Conv2D", 73_856, (5, 5, 128)),
    ("Conv2D", 147_584, (3, 3, 128)),
    ("AveragePooling2D", 0, (1, 1, 128)),
    ("Flatten", 0, (128,)),
    ("Dense", 132_096, (1024,)),
    ("Dropout", 0, (1024,)),
    ("Dense", 1_049_600, (1024,)),
    ("Dropout", 0, (1024,)),
    ("Dense", 7_175, (7,)),
]


def test_deepface_s_network_is_theirs_layer_for_layer() -> None:
    network = built(architecture="deepface", dropout=0.2)
    views, scaling, *rest = network.layers
    assert (type(views).__name__, views.output.shape[1:], type(scaling).__name__) == ("InputLayer", (48, 48, 1), "Rescaling")
    assert [(type(layer).__name__, layer.count_params(), tuple(layer.output.shape[1:])) for layer in rest] == DEEPFACE
    assert network.count_params() == 1_485_831
    assert [layer.rate for layer in rest if isinstance(layer, keras.layers.Dropout)] == [0.2, 0.2]
    acting = [layer.activation.__name__ for layer in rest if hasattr(layer, "activation")]
    assert acting == ["relu"] * 7 + ["linear"]  # the softmax is a layer of the exported model


def test_deepface_s_network_is_given_pixels_from_0_to_1() -> None:
    scaling = built(architecture="deepface").get_layer("to_unit")
    assert keras.ops.convert_to_numpy(scaling(np.array([[0.0, 51.0, 255.0]]))).tolist() == [[0.0, pytest.approx(0.2), pytest.approx(1.0)]]


# What the networks answered for one picture with the weights of seed 0 before scaling became part of the table.
BEFORE = {
    "paper": [-2.856, -2.7325, 5.7516, -0.0431, 6.3913, -1.0745, 3.3027],
    "paper_deep": [-0.6495, -0.7968, -2.2476, 0.1404, 3.2992, 5.3345, 4.6912],
    "vgg3": [-1.6195, -3.9587, 4.6904, -4.181, 0.9856, -2.6485, 1.6929],
    "res3": [2.3272, 5.3075, -0.8049, 0.7031, 2.0215, -0.6462, -2.8219],
}


@pytest.mark.parametrize("name", list(BEFORE))
def test_earlier_networks_are_what_they_were(name: str) -> None:
    network = built(architecture=name, dropout=0.0)
    ramp = np.arange(48 * 48, dtype=np.float32).reshape(1, 48, 48, 1) % 251
    np.testing.assert_allclose(keras.ops.convert_to_numpy(network(ramp))[0], BEFORE[name], rtol=1e-3, atol=1e-4)


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
