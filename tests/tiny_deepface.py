"""DeepFace's emotion network in miniature, and what the library makes of a crop, computed anew."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper, numpy_helper

from fersys.config import ModelConfig
from fersys.labels import EMOTIONS
from fersys.package import seal
from fersys.preprocess import INPUT_SIZE
from fersys.recognizers.deepface_library import EMOTION_FILE

PIXELS = INPUT_SIZE * INPUT_SIZE
LETTERBOX = 224

Floats = npt.NDArray[np.floating]
Image = npt.NDArray[np.uint8]


class Spy:
    """Stands for an ONNX Runtime session: keeps what the library feeds it, and answers what it is told."""

    def __init__(self, answer: Sequence[float] = (1 / 7,) * 7) -> None:
        self.seen: list[npt.NDArray[np.float32]] = []
        self._answer = np.asarray([answer], np.float32)

    def get_inputs(self) -> list[Any]:
        return [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", INPUT_SIZE, INPUT_SIZE, 1])]

    def run(self, _outputs: None, inputs: dict[str, npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        self.seen.append(inputs["pixels"].copy())
        return [self._answer]


def linear(weights: Floats, bias: Floats, *, softmax: bool = False, batch: str | int = "n") -> bytes:
    """The bytes of an ONNX file: float32 (batch, 48, 48, 1) → pixels @ weights + bias, (batch, columns)."""
    nodes = [helper.make_node("Flatten", ["pixels"], ["flat"]), helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"])]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"]))
    constants = [numpy_helper.from_array(weights.astype(np.float32), "weights"), numpy_helper.from_array(bias.astype(np.float32), "bias")]
    shapes: list[list[str | int | None]] = [[batch, INPUT_SIZE, INPUT_SIZE, 1], [batch, weights.shape[1]]]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in zip(("pixels", nodes[-1].output[0]), shapes, strict=True)]
    graph = helper.make_graph(nodes, "linear", values[:1], values[1:], constants)
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())


def random_network(seed: int) -> bytes:
    """An emotion network of one layer whose answers depend on every pixel and on the seed."""
    weights = np.random.default_rng(seed).normal(0, 0.25, (PIXELS, len(EMOTIONS)))
    return linear(weights - weights.mean(axis=0), np.zeros(len(EMOTIONS)), softmax=True)


def probe(pixels: Sequence[tuple[int, int]]) -> bytes:
    """A network that hands out six pixels, (row, column) of its input: columns (p1, …, p6, 7 − their sum), of which the library makes percent."""
    weights = np.zeros((PIXELS, len(EMOTIONS)))
    for column, (row, place) in enumerate(pixels):
        weights[row * INPUT_SIZE + place] += np.eye(len(EMOTIONS))[column] - np.eye(len(EMOTIONS))[-1]
    return linear(weights, 7 * np.eye(len(EMOTIONS))[-1])


def make_deepface_package(folder: Path, name: str, seed: int = 0, network: bytes | None = None) -> Path:
    """Write what serving reads of a package of DeepFace's network into folder/name, and return that folder."""
    package = folder / name
    package.mkdir(parents=True)
    (package / EMOTION_FILE).write_bytes(network or random_network(seed))
    seal(package, ModelConfig(name, "deepface", recognizer="deepface", serving_file=EMOTION_FILE, title="Somebody's weights"))
    return package


def weights_in(home: Path, monkeypatch: pytest.MonkeyPatch, network: bytes | None = None) -> Path:
    """Let a folder be deepface's home, with a network in it if one is given; the path of its file."""
    monkeypatch.setenv("DEEPFACE_HOME", str(home))
    path = home / ".deepface" / "weights" / EMOTION_FILE
    if network is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(network)
    return path


def as_deepface_sees(crop: Image) -> Floats:
    """What the emotion network is given of an RGB uint8 crop: (48, 48), 0–1. Nothing of OpenCV or the library is in it."""
    scaled = crop.astype(np.float64) / (255 if crop.max() > 1 else 1)
    scale = LETTERBOX / max(crop.shape[:2])
    height, width = int(crop.shape[0] * scale), int(crop.shape[1] * scale)
    top, left = (LETTERBOX - height) // 2, (LETTERBOX - width) // 2
    square = np.zeros((LETTERBOX, LETTERBOX, 3))
    square[top : top + height, left : left + width] = _resized(scaled, height, width)
    return _resized(square @ np.array([0.299, 0.587, 0.114]), INPUT_SIZE, INPUT_SIZE)


def _resized(image: Floats, height: int, width: int) -> Floats:
    rows, columns = _between(image.shape[0], height), _between(image.shape[1], width)
    return np.asarray(np.moveaxis(np.tensordot(columns, np.tensordot(rows, image, (1, 0)), (1, 1)), 0, 1))


def _between(before: int, after: int) -> Floats:
    """(after, before): how each of the new pixels is mixed from the two old ones whose centres lie beside its own."""
    centres = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(before))))
