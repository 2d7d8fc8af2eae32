"""Writes DeepFace's emotion network as the files that the unmodified library loads from its weights folder.

Its ONNX engine takes float32 (n, 48, 48, 1), values 0–1, and returns probabilities (n, 7) in the
order angry, disgust, fear, happy, sad, surprise, neutral, which is that of `EMOTIONS`. Its TensorFlow
engine builds the network itself and reads weights by layer, in the HDF5 layout of Keras 2.
"""

from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np

from fersys.recognizers.deepface_library import EMOTION_FILE, EMOTION_H5_FILE
from train.architectures import TO_UNIT
from train.atomic import replacing

ARCHITECTURE = "deepface"  # whose packages hold these files
TITLE = "DeepFace network, FER-Sys weights"  # never plain DeepFace: that one has its author's weights


def export_for_deepface(folder: Path, network: keras.Model) -> None:
    """Write `facial_expression_model_weights.onnx` and `.h5` into a folder.

    Args:
        folder: where to.
        network: of the architecture "deepface", a chain of layers in float32: (n, 48, 48, 1), 0–255 → logits (n, 7).
    """
    theirs = as_deepface_takes_it(network)
    theirs(np.zeros((1, *theirs.input_shape[1:]), np.float32))  # Keras exports only a model that was called
    with replacing(folder / EMOTION_FILE) as unfinished:
        theirs.export(unfinished, format="onnx", verbose=False)
    _write_h5(folder / EMOTION_H5_FILE, [layer for layer in theirs.layers if layer.weights])


def as_deepface_takes_it(network: keras.Model) -> keras.Model:
    """Return the network without its rescaling and with a softmax, sharing its weights: 0–1 → probabilities (n, 7)."""
    pixels = x = keras.Input(network.input_shape[1:], name="pixels")
    for layer in network.layers:
        if not isinstance(layer, keras.layers.InputLayer) and layer.name != TO_UNIT:
            x = layer(x)
    return keras.Model(pixels, keras.layers.Softmax(name="probabilities")(x))


def _write_h5(path: Path, layers: list[Any]) -> None:
    """Weights by layer, as Keras 2 saves and loads them: groups in the order of the layers, whose names do not matter."""
    with replacing(path) as unfinished, h5py.File(unfinished, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", keras.__version__.encode()
        for layer in layers:
            weights = {f"{layer.name}/{weight.name}:0": keras.ops.convert_to_numpy(weight) for weight in layer.weights}
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [name.encode() for name in weights]
            for name, values in weights.items():
                group[name] = values
