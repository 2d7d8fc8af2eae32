"""How large a face recogniser is, and what a face costs it: read from its ONNX file, or counted by hand for Dlib's."""

from math import prod
from pathlib import Path
from typing import Any

import onnx

from fersys.recognizers.deepface_head import Base, weights_path

# Dlib's network, from its author's example dnn_face_recognition_ex.cpp: side of the output, kernel, channels in, out, how many such.
# A convolution of stride 2 has no padding: 150 → 72, pooled to 35, → 17 → 8 → 3 → 1. Each has a bias and an affine layer.
_DLIB: tuple[tuple[int, int, int, int, int], ...] = (
    (72, 7, 3, 32, 1),
    (35, 3, 32, 32, 6),
    (17, 3, 32, 64, 1),
    (17, 3, 64, 64, 7),
    (8, 3, 64, 128, 1),
    (8, 3, 128, 128, 5),
    (3, 3, 128, 256, 1),
    (3, 3, 256, 256, 5),
    (1, 3, 256, 256, 2),
)
_DLIB_DENSE = 256 * 128  # the last layer, without a bias


def cost_of(base: Base) -> tuple[int, int]:
    """Return the parameters of a recogniser, and its multiply–adds a face in convolutions and dense layers.

    Raises:
        ModelError: if its weights are not there.
    """
    return _dlib() if base.recogniser == "Dlib" else onnx_cost(weights_path(base))


def _dlib() -> tuple[int, int]:
    params = sum(count * (kernel**2 * before * after + 3 * after) for _, kernel, before, after, count in _DLIB)
    macs = sum(count * side**2 * kernel**2 * before * after for side, kernel, before, after, count in _DLIB)
    return params + _DLIB_DENSE, macs + _DLIB_DENSE


def onnx_cost(path: Path) -> tuple[int, int]:
    """Return the parameters and the multiply–adds an image of an ONNX file; of shapes that it does not tell, none are counted."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    weights = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    shapes = {value.name: _shape(value) for value in (*graph.input, *graph.value_info, *graph.output)}
    params = sum(prod(tensor.dims) for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    return params, sum(_macs(node, weights, shapes) for node in graph.node)


def _shape(value: Any) -> tuple[int, ...]:
    """The shape without the batch; 0 where it is not known."""
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)[1:]


def _macs(node: Any, weights: dict[str, tuple[int, ...]], shapes: dict[str, tuple[int, ...]]) -> int:
    kernel = weights.get(node.input[1], ()) if len(node.input) > 1 else ()
    if not kernel:
        return 0
    if node.op_type == "Conv":  # the kernel is (out, in / groups, h, w), the output (out, h, w)
        return prod(kernel) * prod(shapes.get(node.output[0], (0, 0))[1:])
    return prod(kernel) if node.op_type in {"Gemm", "MatMul"} else 0
