"""int8 forms of a small network: smaller, and of the same mind."""

from pathlib import Path

import numpy as np
import onnx

from fersys.package import SERVING_FILE
from fersys.runtime import open_network
from tests.tiny_package import make_package
from train.quantize import quantize


def test_the_int8_form_is_smaller_and_answers_nearly_the_same(tmp_path: Path) -> None:
    source, target = make_package(tmp_path, "tiny") / SERVING_FILE, tmp_path / "int8.onnx"
    images = np.random.default_rng(0).integers(0, 256, (70, 48, 48), dtype=np.uint8)  # two batches and a rest
    quantize(source, target, images)
    assert target.stat().st_size < 0.5 * source.stat().st_size
    inputs = {"image": images[:20, :, :, None].astype(np.float32)}
    plain, small = (open_network(path).run(None, inputs)[0] for path in (source, target))
    np.testing.assert_allclose(small, plain, atol=0.05)
    assert np.abs(small - plain).max() > 0


def test_all_images_set_the_scales(tmp_path: Path) -> None:
    source = make_package(tmp_path, "tiny") / SERVING_FILE
    images = np.ones((40, 48, 48), np.uint8)
    quantize(source, tmp_path / "dark.onnx", images)
    images[-1] = 255  # the last of the second batch
    quantize(source, tmp_path / "bright.onnx", images)
    dark, bright = (scale_of_input(tmp_path / f"{name}.onnx") for name in ("dark", "bright"))
    assert bright > 100 * dark


def scale_of_input(path: Path) -> float:
    graph = onnx.load(path).graph
    first = next(node for node in graph.node if node.op_type == "QuantizeLinear")
    (scale,) = [onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name == first.input[1]]
    return float(scale)
