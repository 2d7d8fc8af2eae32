"""Timing one runtime: what is measured and how failures are told."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fersys.package import SERVING_FILE
from fersys.runtime import open_network
from tests.tiny_package import make_package
from train.runtime_worker import RUNTIMES, answer, installed_megabytes, milliseconds, resident_megabytes

MODULES = {"ONNX Runtime": "onnxruntime", "LiteRT": "ai_edge_litert", "OpenVINO": "openvino", "OpenCV DNN": "cv2"}


@pytest.fixture
def request_of(tmp_path: Path) -> dict[str, Any]:
    inputs = np.random.default_rng(0).integers(0, 256, (9, 48, 48, 1)).astype(np.float32)
    np.save(tmp_path / "inputs.npy", inputs)
    file = make_package(tmp_path, "tiny") / SERVING_FILE
    return {"runtime": "ONNX Runtime", "file": str(file), "threads": 1, "inputs": str(tmp_path / "inputs.npy"), "batches": [1, 8], "rounds": 2}


def test_a_runtime_is_timed_by_batch_size_and_its_first_answers_are_handed_back(request_of: dict[str, Any]) -> None:
    found = answer(request_of)
    assert set(found["ms"]) == {"1", "8"}
    assert all(value is not None and value >= 0 for value in found["ms"].values())
    session = open_network(Path(request_of["file"]))
    expected = session.run(None, {session.get_inputs()[0].name: np.load(request_of["inputs"])[:8]})[0]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)
    assert found["install_mb"] > 10
    assert found["open_ms"] >= 0


def test_a_batch_that_the_runtime_refuses_has_no_time(request_of: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def open_moody(_path: str, _threads: int) -> Any:
        def run(inputs: np.ndarray[Any, np.dtype[np.float32]]) -> Any:
            if len(inputs) > 1:
                raise RuntimeError("one at a time")
            return np.full((1, 7), 1 / 7)

        return run

    monkeypatch.setitem(RUNTIMES, "moody", ("numpy", open_moody))
    found = answer(request_of | {"runtime": "moody"})
    assert found["ms"]["1"] is not None
    assert found["ms"]["8"] is None


def test_opencv_s_refusal_of_a_batch_is_one_that_is_told(request_of: dict[str, Any]) -> None:
    network = RUNTIMES["OpenCV DNN"][1](request_of["file"], 1)
    with pytest.raises(RuntimeError, match="OpenCV"):
        network(np.zeros((1, 7, 7, 1), np.float32))


def test_every_runtime_names_its_module() -> None:
    assert set(MODULES) == set(RUNTIMES)


@pytest.mark.parametrize("name", ["ONNX Runtime", "OpenVINO", "OpenCV DNN"])
def test_installed_runtimes_of_onnx_files_agree(name: str, request_of: dict[str, Any]) -> None:
    pytest.importorskip(MODULES[name])
    inputs = np.load(request_of["inputs"])[:1]
    expected = RUNTIMES["ONNX Runtime"][1](request_of["file"], 1)(inputs)
    np.testing.assert_allclose(RUNTIMES[name][1](request_of["file"], 1)(inputs), expected, atol=1e-4)


def test_a_run_that_warms_up_is_not_counted() -> None:
    runs: list[int] = []
    times = milliseconds(lambda: runs.append(1), rounds=3)
    assert (len(times), len(runs)) == (3, 4)


def test_memory_is_that_of_the_process_that_is_named() -> None:
    if not Path("/proc/self/statm").exists():
        assert resident_megabytes() == 0
        return
    assert 10 < resident_megabytes() < 20_000
    assert resident_megabytes(os.getpid()) == pytest.approx(resident_megabytes(), rel=0.1)
    assert resident_megabytes(2**31) == 0


def test_what_is_not_installed_weighs_nothing() -> None:
    assert installed_megabytes("no-such-distribution") == 0
    assert installed_megabytes("numpy") > 10
