"""The networks that can be trained, in one table.

To add one, write a function `(x, config) -> features` and add a line to `ARCHITECTURES`. It gets
standardised images (n, side, side, 1), unless its line names another scaling, and returns features
(n, k); `build_network` adds the logits. Use `_batch_norm` for batch normalisation: training then
runs on TensorFlow's fused kernel, which on a CPU is several times faster than Keras' own layer,
and the saved model holds the Keras layer with the same weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from fersys.errors import ConfigError
from fersys.labels import EMOTIONS
from train.config import FitConfig
from train.norm import FusedBatchNormalization

layers, ops = keras.layers, keras.ops

Tensor = Any
Network = Callable[[Tensor, FitConfig], Tensor]

TO_UNIT = "to_unit"  # name of the layer that turns pixels, 0–255, into what DeepFace's network takes
_STANDARDISE_FLOOR = 8.0  # gray levels added to the deviation: keeps flat images from being blown up


def _batch_norm(x: Tensor, config: FitConfig) -> Tensor:
    return FusedBatchNormalization()(x) if config.batch_norm else x


def _conv(x: Tensor, width: int, config: FitConfig, stride: int = 1) -> Tensor:
    initial = "he_normal"
    x = layers.Conv2D(width, 3, stride, padding="same", use_bias=not config.batch_norm, kernel_initializer=initial)(x)
    return _batch_norm(x, config)


def _dense(x: Tensor, width: int, config: FitConfig, dropout: float) -> Tensor:
    x = layers.Dense(width, use_bias=not config.batch_norm, kernel_initializer="he_normal")(x)
    return layers.Dropout(dropout)(layers.ReLU()(_batch_norm(x, config)))


def _plain(x: Tensor, config: FitConfig, widths: tuple[int, ...], convolutions: tuple[int, ...]) -> Tensor:
    """Three blocks of convolution, batch norm, ReLU and max pooling; two dense layers with dropout."""
    for width, count in zip(widths, convolutions, strict=True):
        for _ in range(count):
            x = layers.ReLU()(_conv(x, width, config))
        x = layers.MaxPooling2D()(x)
    x = _dense(layers.Flatten()(x), 256, config, config.dropout)
    return _dense(x, 128, config, config.dropout / 2)


def _paper(x: Tensor, config: FitConfig) -> Tensor:
    return _plain(x, config, (32, 64, 128), (1, 1, 1))


def _paper_deep(x: Tensor, config: FitConfig) -> Tensor:
    return _plain(x, config, (32, 64, 128), (2, 2, 2))


def _vgg3(x: Tensor, config: FitConfig) -> Tensor:
    return _plain(x, config, (48, 96, 192), (2, 2, 3))


def _res3(x: Tensor, config: FitConfig) -> Tensor:
    """Residual network with squeeze-excite (He et al. 2015; Hu et al. 2017), any input side."""
    x = layers.ReLU()(_conv(x, 32, config))
    for width in (64, 128, 256):
        x = _residual(_residual(x, width, config, 2), width, config, 1)
    return layers.Dropout(config.dropout)(layers.GlobalAveragePooling2D()(x))


def _residual(x: Tensor, width: int, config: FitConfig, stride: int) -> Tensor:
    y = layers.ReLU()(_conv(x, width, config, stride))
    y = _squeeze_excite(_conv(y, width, config), width)
    if stride > 1:
        x = layers.AveragePooling2D(stride, padding="same")(x)
        x = layers.Conv2D(width, 1, use_bias=False, kernel_initializer="he_normal")(x)
        x = _batch_norm(x, config)
    return layers.ReLU()(layers.Add()([x, y]))


def _squeeze_excite(x: Tensor, width: int) -> Tensor:
    scale = layers.GlobalAveragePooling2D(keepdims=True)(x)
    scale = layers.Dense(width // 8, activation="relu")(scale)
    return layers.Multiply()([x, layers.Dense(width, activation="sigmoid")(scale)])


def _deepface(x: Tensor, config: FitConfig) -> Tensor:
    """DeepFace's own emotion network, layer for layer (deepface 0.0.103, `models/demography/tf/Emotion.py`).

    It has no batch normalisation to switch on; theirs is trained with `dropout` 0.2.
    """
    x = layers.MaxPooling2D(5, 2)(layers.Conv2D(64, 5, activation="relu")(x))
    for width in (64, 128):
        for _ in range(2):
            x = layers.Conv2D(width, 3, activation="relu")(x)
        x = layers.AveragePooling2D(3, 2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(config.dropout)(layers.Dense(1024, activation="relu")(x))
    return x


def _standardise(x: Tensor) -> Tensor:
    """(x − mean) / (deviation + floor) an image, over axes (1, 2): OpenCV errs on a mean over (1, 2, 3)."""
    centred = x - ops.mean(x, axis=(1, 2), keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(centred), axis=(1, 2), keepdims=True))
    return centred / (deviation + _STANDARDISE_FLOOR)


def _to_unit(x: Tensor) -> Tensor:
    """0–255 → 0–1, in one layer: what lies behind it takes DeepFace's pixels."""
    return layers.Rescaling(1 / 255, name=TO_UNIT)(x)


@dataclass(frozen=True)
class Architecture:
    """A line of the table.

    Attributes:
        features: from scaled images to features.
        scale: from pixels, 0–255, to what `features` takes.
        any_size: whether it takes views of growing size.
        window: the one side in pixels that it takes; 0: the side that training asks for.
    """

    features: Network
    scale: Callable[[Tensor], Tensor] = _standardise
    any_size: bool = False
    window: int = 0


ARCHITECTURES: dict[str, Architecture] = {
    "paper": Architecture(_paper),
    "paper_deep": Architecture(_paper_deep),
    "vgg3": Architecture(_vgg3),
    "res3": Architecture(_res3, any_size=True),
    "deepface": Architecture(_deepface, _to_unit, window=48),
}


def build_network(config: FitConfig) -> keras.Model:
    """Build the network to be trained: float32 views (n, side, side, 1), 0–255 → logits (n, 7).

    Raises:
        ConfigError: if the architecture is unknown, or cannot take views of this or of growing size.
    """
    chosen = check_network(config)
    side = None if chosen.any_size else config.window
    views = keras.Input((side, side, 1), name="views")
    x = chosen.features(chosen.scale(views), config)
    return keras.Model(views, layers.Dense(len(EMOTIONS), dtype="float32", name="logits")(x))


def check_network(config: FitConfig) -> Architecture:
    """Return the line of the table that settings name.

    Raises:
        ConfigError: if there is no such network, or if it does not take such views.
    """
    if config.architecture not in ARCHITECTURES:
        raise ConfigError(f"architecture: expected {', '.join(ARCHITECTURES)}. Received: {config.architecture!r}")
    chosen = ARCHITECTURES[config.architecture]
    _check_window(config, chosen)
    return chosen


def _check_window(config: FitConfig, chosen: Architecture) -> None:
    if config.window_start != config.window and not chosen.any_size:
        able = ", ".join(sorted(name for name, one in ARCHITECTURES.items() if one.any_size))
        raise ConfigError(f"Growing windows need one of {able}. Received: {config.architecture}")
    if chosen.window not in {0, config.window}:
        raise ConfigError(f"{config.architecture}: expected window={chosen.window}. Received: {config.window}")
