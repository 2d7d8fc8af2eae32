"""What a recogniser costs: counted by hand and by its own file."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fersys.errors import ModelError
from fersys.recognizers.deepface_head import Base, find_base, weights_path
from tests.tiny_recogniser import write_recogniser
from train.head_cost import cost_of, onnx_cost


def test_dlib_s_parameters_fill_its_file() -> None:
    if find_spec("dlib") is None:
        pytest.skip("no dlib here: pip install -r requirements-dlib.txt")
    try:
        base = find_base("Dlib")
    except ModelError as error:
        pytest.skip(str(error))
    assert 0 < weights_path(base).stat().st_size - 4 * cost_of(base)[0] < 10_000  # float32 each, and some text


def test_dlib_s_network_is_counted_as_its_author_describes_it() -> None:
    first = 72**2 * 7**2 * 3 * 32
    blocks = 35**2 * 9 * 32 * 32 * 6 + 17**2 * 9 * (32 * 64 + 7 * 64 * 64) + 8**2 * 9 * (64 * 128 + 5 * 128 * 128) + 3**2 * 9 * (128 * 256 + 5 * 256 * 256)
    params, macs = cost_of(Base("Dlib", "", "", "chip"))
    assert macs == first + blocks + 2 * 9 * 256 * 256 + 256 * 128
    assert params == 5_614_592


def test_convolutions_with_groups_and_strides_and_dense_layers_are_counted(tmp_path: Path) -> None:
    kernels = {"a": (8, 3, 3, 3), "b": (8, 4, 3, 3), "c": (8 * 4 * 4, 5), "bias": (5,)}
    constants = [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in kernels.items()]
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["y"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["y", "b"], ["z"], group=2, pads=[1, 1, 1, 1]),
        helper.make_node("Flatten", ["z"], ["flat"]),
        helper.make_node("Gemm", ["flat", "c", "bias"], ["out"]),
        helper.make_node("Add", ["out", "bias"], ["end"]),
    ]
    shapes: dict[str, list[str | int | None]] = {"x": ["n", 3, 8, 8], "end": ["n", 5]}
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:], constants), ir_version=8), tmp_path / "g.onnx")
    assert onnx_cost(tmp_path / "g.onnx") == (216 + 288 + 640 + 5, 16 * 216 + 16 * 288 + 640)


def test_cost_is_read_from_the_file_that_deepface_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    base = write_recogniser(tmp_path / ".deepface" / "weights")
    assert cost_of(base) == (3 * 8**2 * 128, 3 * 8**2 * 128)
    (tmp_path / ".deepface" / "weights" / base.file).unlink()
    with pytest.raises(ModelError, match=r"openface_weights\.onnx"):
        cost_of(base)
