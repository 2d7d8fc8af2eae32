"""Turns a trained network into the package that is measured, pushed and served.

The saved model takes FER2013 pixels as they are, float32 (n, 48, 48, 1), 0–255, and returns
probabilities (n, 7): centre crop, standardisation and softmax are layers in it. It holds Keras'
own layers in float32 only, so that it loads anywhere without this project. The serving file is the
same network in ONNX; of DeepFace's network it is what DeepFace loads: see `train.deepface_export`.
"""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fersys.config import ModelConfig
from fersys.package import KERAS_FILE, SERVING_FILE, seal
from fersys.preprocess import INPUT_SIZE
from fersys.recognizers.deepface_library import EMOTION_FILE
from train.atomic import replacing
from train.config import FitConfig
from train.deepface_export import ARCHITECTURE, TITLE, export_for_deepface
from train.norm import FusedBatchNormalization


def export(folder: Path, network: keras.Model, config: FitConfig, name: str) -> ModelConfig:
    """Write all model files of the package and seal it.

    Args:
        folder: run folder; becomes the package.
        network: the trained network, as from `train.fit.fit`.
        config: its settings.
        name: the model's name.
    """
    model = serving_model(network, config, name)
    model.save(folder, zipped=False)
    shutil.rmtree(folder / "assets", ignore_errors=True)  # Keras makes it for layers with files of their own: none here
    model.save(folder / KERAS_FILE)
    about = ModelConfig(name, config.architecture, params=model.count_params(), macs=count_macs(model))
    if config.architecture == ARCHITECTURE:
        export_for_deepface(folder, in_float32(network, config.window))
        about = replace(about, recognizer="deepface", serving_file=EMOTION_FILE, title=TITLE)
    else:
        _export_onnx(model, folder / SERVING_FILE)
    return seal(folder, about)


def serving_model(network: keras.Model, config: FitConfig, name: str) -> keras.Model:
    """Rebuild a trained network as it is served: float32 (n, 48, 48, 1), 0–255 → probabilities (n, 7)."""
    margin = (INPUT_SIZE - config.window) // 2  # as `train.batches.centre`: an odd rest is cut at the far side
    margins = (margin, INPUT_SIZE - config.window - margin)
    pixels = keras.Input((INPUT_SIZE, INPUT_SIZE, 1), name="pixels")
    centre = keras.layers.Cropping2D((margins, margins))(pixels) if any(margins) else pixels
    logits = in_float32(network, config.window)(centre)
    return keras.Model(pixels, keras.layers.Softmax(name="probabilities")(logits), name=_graph_name(name))


def in_float32(network: keras.Model, side: int) -> keras.Model:
    """Rebuild a trained network of Keras' own layers in float32, without an optimizer: views (n, side, side, 1), 0–255 → logits (n, 7)."""
    views = keras.Input((side, side, 1), name="views")
    rebuilt = keras.models.clone_model(network, input_tensors=views, clone_function=_as_served)
    rebuilt.set_weights(network.get_weights())
    return keras.Model(rebuilt.input, rebuilt.output)  # the clone is compiled, and would save an optimizer's state


def _graph_name(name: str) -> str:
    """The name, as far as TensorFlow allows it: it refuses spaces and the like, and that after a long training."""
    return re.sub(r"[^A-Za-z0-9-]", "_", name).lstrip("_-") or "model"


def _as_served(layer: Any) -> Any:
    settings = layer.get_config()
    if not isinstance(layer, keras.layers.Layer):
        return type(layer).from_config(settings)
    settings["dtype"] = "float32"
    fused = isinstance(layer, FusedBatchNormalization)
    settings["name"] = settings["name"].removeprefix("fused_")
    return (keras.layers.BatchNormalization if fused else type(layer)).from_config(settings)


def _export_onnx(model: keras.Model, path: Path) -> None:
    model(np.zeros((1, INPUT_SIZE, INPUT_SIZE, 1), np.float32))  # Keras exports only a model that was called
    with replacing(path) as unfinished:
        model.export(unfinished, format="onnx", verbose=False)


def count_macs(model: keras.Model) -> int:
    """Return the multiply–adds of all convolutions and dense layers for one image."""
    return sum(_macs_of(layer) for layer in model.layers)


def _macs_of(layer: Any) -> int:
    if isinstance(layer, keras.Model):
        return count_macs(layer)
    if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
        return int(np.prod(layer.output.shape[1:-1]) * np.prod(layer.kernel.shape))
    return 0
