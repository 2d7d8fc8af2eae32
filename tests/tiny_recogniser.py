"""A face recogniser of DeepFace's in miniature, and a head on it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from fersys.config import ModelConfig
from fersys.digest import sha256
from fersys.labels import EMOTIONS
from fersys.package import SERVING_FILE, seal
from fersys.recognizers.deepface_head import SOURCES, Base

SIDES = {"OpenFace": 96, "VGG-Face": 224, "ArcFace": 112, "DeepID": 47}  # of the network's input
WIDTHS = {"OpenFace": 128, "VGG-Face": 4096, "ArcFace": 512, "DeepID": 160}  # of its embeddings
_CELLS = 8  # its picture is averaged to so many cells on a side

Floats = npt.NDArray[np.floating]


def write_recogniser(weights: Path, recogniser: str = "OpenFace", seed: int = 0) -> Base:
    """Write an ONNX file of the right name and of the recogniser's input and output shapes into a weights folder.

    Its embeddings are random mixtures of 8×8 cells in three colours: float32 (n, side, side, 3) → (n, width).
    """
    side, width = SIDES[recogniser], WIDTHS[recogniser]
    file = SOURCES[recogniser][0]
    stride = side // _CELLS
    cells = (side - stride) // stride + 1
    mix = np.random.default_rng(seed).normal(0, 0.1, (3 * cells**2, width)).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["cells"], kernel_shape=[stride, stride], strides=[stride, stride]),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("MatMul", ["flat", "mix"], ["embedding"]),
    ]
    return _write(weights, recogniser, _model(nodes, ["n", side, side, 3], ["n", width], {"mix": mix}), file)


def write_mirror(weights: Path, recogniser: str = "OpenFace") -> Base:
    """Write a "recogniser" whose embedding is the picture that it was given: (n, side · side · 3), row by row, channels last."""
    side = SIDES[recogniser]
    nodes = [helper.make_node("Flatten", ["image"], ["embedding"])]
    return _write(weights, recogniser, _model(nodes, ["n", side, side, 3], ["n", 3 * side**2], {}), SOURCES[recogniser][0])


def _write(weights: Path, recogniser: str, model: onnx.ModelProto, file: str) -> Base:
    weights.mkdir(parents=True, exist_ok=True)
    onnx.save(model, weights / file)
    return Base(recogniser, file, sha256(weights / file), "as it is")


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Floats]) -> onnx.ModelProto:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ((nodes[0].input[0], inputs), (nodes[-1].output[0], outputs))]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", values[:1], values[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def make_head_package(folder: Path, name: str, seed: int = 0) -> Path:
    """Write what serving reads of a head package into folder/name, its recogniser beside it, and return that folder."""
    package = folder / name
    base = write_recogniser(package, seed=seed)
    weights = np.random.default_rng(seed).normal(0, 2, (WIDTHS["OpenFace"], len(EMOTIONS))).astype(np.float32)
    write_head(package / SERVING_FILE, weights)
    seal(package, ModelConfig(name, "tiny", recognizer="deepface-head", base=asdict(base)))
    return package


def write_head(path: Path, weights: Floats) -> None:
    """Write a head of one layer: embeddings (n, d) @ weights (d, k) → softmax."""
    nodes = [helper.make_node("MatMul", ["embedding", "weights"], ["logits"]), helper.make_node("Softmax", ["logits"], ["probabilities"])]
    onnx.save(_model(nodes, ["n", weights.shape[0]], ["n", weights.shape[1]], {"weights": weights}), path)


def letterboxed(crop: npt.NDArray[np.uint8], side: int) -> Floats:
    """A crop as DeepFace brings it to a recogniser's square input, still RGB: (side, side, 3), 0–1. Nothing of OpenCV or the library is in it."""
    scale = side / max(crop.shape[:2])
    height, width = int(crop.shape[0] * scale), int(crop.shape[1] * scale)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 3))
    across, down = _mixing(crop.shape[1], width), _mixing(crop.shape[0], height)
    square[top : top + height, left : left + width] = np.einsum("ya,xb,abc->yxc", down, across, crop / 255)
    return square


def _mixing(before: int, after: int) -> Floats:
    """(after, before): how each new pixel is mixed from the old ones beside it."""
    places = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(places[:, None] - np.arange(before))))
