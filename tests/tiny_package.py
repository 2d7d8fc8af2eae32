"""A model package in miniature: an ONNX network of one layer, sealed like the shipped ones."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fersys.config import ModelConfig
from fersys.labels import EMOTIONS
from fersys.package import METRICS_FILE, SERVING_FILE, seal
from fersys.preprocess import INPUT_SIZE

_PIXELS = INPUT_SIZE * INPUT_SIZE


def make_package(folder: Path, name: str, *, seed: int = 0, metrics: str | None = None, network: bytes | None = None) -> Path:
    """Write what serving reads of a package into folder/name: no Keras files, random weights.

    Args:
        folder: where the package folder is made.
        name: its name, and the model's.
        seed: of the weights; packages of different seeds answer differently.
        network: content of the serving file, if not that of a working network.
        metrics: content of `metrics.json`; none is written if it is not given.

    Returns:
        the package folder, to be opened with `fersys.load`.
    """
    package = folder / name
    package.mkdir(parents=True)
    (package / SERVING_FILE).write_bytes(network or _network(seed).SerializeToString())
    if metrics is not None:
        (package / METRICS_FILE).write_text(metrics, encoding="utf-8")
    seal(package, ModelConfig(name=name, architecture="tiny", params=_PIXELS * len(EMOTIONS)))
    return package


def _network(seed: int) -> onnx.ModelProto:
    """float32 (n, 48, 48, 1) -> Flatten -> Gemm -> Softmax (n, 7)."""
    weights = np.random.default_rng(seed).normal(0, 0.0005, (_PIXELS, len(EMOTIONS))).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.zeros(len(EMOTIONS), np.float32), "bias")]
    inputs = [_value("image", TensorProto.FLOAT, ["n", INPUT_SIZE, INPUT_SIZE, 1])]
    outputs = [_value("probabilities", TensorProto.FLOAT, ["n", len(EMOTIONS)])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _value(name: str, kind: int, shape: list[Any]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)
