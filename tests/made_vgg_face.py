"""VGG-Face as DeepFace's ONNX engine loads it, with random weights: its architecture, file name and shapes, none of its knowledge.

Parkhi, Vedaldi & Zisserman, "Deep Face Recognition", BMVC 2015: VGG-16 up to its second layer of
4,096, as `DeepFace.represent` uses it. At full width the file has 537 MB.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fersys.digest import sha256
from fersys.recognizers.deepface_head import SOURCES, Base

SIDE, WIDTH = 224, 4096
_BLOCKS = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))  # width of its convolutions in units of the first one's, and how many


class _Drawing:
    """The graph so far."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[Any] = [helper.make_node("Transpose", ["image"], ["x0"], perm=[0, 3, 1, 2])]
        self.weights: list[Any] = []
        self._random = np.random.default_rng(seed)

    def add(self, kind: str, *constants: str, **settings: Any) -> None:
        number = len(self.nodes)
        self.nodes.append(helper.make_node(kind, [f"x{number - 1}", *constants], [f"x{number}"], **settings))

    def convolve(self, before: int, after: int, kernel: int) -> None:
        """A convolution with He's initial weights, and ReLU."""
        name, shape = f"w{len(self.weights)}", (after, before, kernel, kernel)
        values = self._random.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / (before * kernel**2)))
        self.weights.append(numpy_helper.from_array(values, name))
        margin = 1 if kernel == 3 else 0
        self.add("Conv", name, pads=[margin] * 4)
        self.add("Relu")


def write_vgg_face(weights: Path, width: int = 64, seed: int = 0) -> Base:
    """Write `vgg_face_weights.onnx` into a weights folder: float32 (n, 224, 224, 3) → (n, 4096).

    Args:
        weights: the folder, …/.deepface/weights.
        width: of the first convolution; 64 is VGG-Face.
        seed: of the weights.
    """
    drawing, before = _Drawing(seed), 3
    for units, count in _BLOCKS:
        for _ in range(count):
            drawing.convolve(before, units * width, 3)
            before = units * width
        drawing.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    drawing.convolve(before, 64 * width, 7)
    drawing.convolve(64 * width, WIDTH, 1)
    drawing.add("Flatten")
    _save(drawing, weights)
    file = SOURCES["VGG-Face"][0]
    return Base("VGG-Face", file, sha256(weights / file), "as it is")


def _save(drawing: _Drawing, weights: Path) -> None:
    shapes: dict[str, list[str | int | None]] = {"image": ["n", SIDE, SIDE, 3], f"x{len(drawing.nodes) - 1}": ["n", WIDTH]}
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(drawing.nodes, "vgg-face", values[:1], values[1:], drawing.weights)
    weights.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), weights / SOURCES["VGG-Face"][0])
