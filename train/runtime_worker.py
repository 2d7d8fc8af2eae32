"""Times one runtime on one file, in a process of its own: `python -m train.runtime_worker`.

Reads a request as JSON from standard input and prints the answer as JSON: so that memory is
that of this runtime alone, and it may run in another environment. Needs numpy and the runtime.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

Inputs = npt.NDArray[np.float32]
Run = Callable[[Inputs], Any]


def _open_onnxruntime(path: str, threads: int) -> Run:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as `fersys.runtime` serves it
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda inputs: session.run(None, {name: inputs})[0]


def _open_litert(path: str, threads: int) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=threads)
    entry, output = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    size = 0

    def run(inputs: Inputs) -> Any:
        nonlocal size
        if len(inputs) != size:  # tensors are laid out anew for another batch
            size = len(inputs)
            interpreter.resize_tensor_input(entry, inputs.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(entry, inputs)
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return run


def _open_openvino(path: str, threads: int) -> Run:
    import openvino

    model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"})
    request = model.create_infer_request()
    return lambda inputs: next(iter(request.infer([inputs]).values()))


def _open_opencv(path: str, threads: int) -> Run:
    import cv2

    cv2.setNumThreads(threads)
    network = cv2.dnn.readNetFromONNX(path)

    def run(inputs: Inputs) -> Any:
        network.setInput(inputs)
        try:
            return network.forward()
        except cv2.error as error:
            raise RuntimeError(str(error)) from error

    return run


# name -> (what is installed for it, how a file is opened)
RUNTIMES: dict[str, tuple[str, Callable[[str, int], Run]]] = {
    "ONNX Runtime": ("onnxruntime", _open_onnxruntime),
    "LiteRT": ("ai-edge-litert", _open_litert),
    "OpenVINO": ("openvino", _open_openvino),
    "OpenCV DNN": ("opencv-contrib-python-headless", _open_opencv),
}


def resident_megabytes(process: int | str = "self") -> float:
    """Return the memory that a process, given by its number, holds now, in MB (Linux; 0 elsewhere)."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def milliseconds(run: Callable[[], Any], rounds: int) -> list[float]:
    """Return the times of some rounds after one to warm up."""
    run()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - began))
    return times


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Open the file, time it, and return figures and probabilities.

    Args:
        request: `runtime`, `file`, `threads`, `inputs` (path of a .npy, float32 (n, 48, 48, 1)),
            `batches` (sizes), `rounds`.

    Returns:
        `install_mb`; `memory_mb` and `open_ms` (what import, file and the first eight single
        answers took); `ms` (median a face, by batch size) and `probabilities` (8, 7).
    """
    distribution, open_file = RUNTIMES[request["runtime"]]
    inputs = np.load(request["inputs"])
    before, began = resident_megabytes(), time.perf_counter()
    run = open_file(request["file"], request["threads"])
    probabilities = np.concatenate([np.asarray(run(inputs[i : i + 1])) for i in range(8)])
    opened, memory = 1000 * (time.perf_counter() - began), resident_megabytes() - before
    return {
        "install_mb": installed_megabytes(distribution),
        "memory_mb": round(memory),
        "open_ms": round(opened),
        "ms": {str(size): _a_face(run, inputs[:size], request["rounds"]) for size in request["batches"]},
        "probabilities": probabilities.tolist(),
    }


def _a_face(run: Run, inputs: Inputs, rounds: int) -> float | None:
    """The median time a face; None if the runtime cannot run the file with so many."""
    try:
        return round(median(milliseconds(lambda: run(inputs), rounds)) / len(inputs), 2)
    except RuntimeError:  # the report says which size failed
        return None


def installed_megabytes(distribution: str) -> float:
    """Return the size of an installed distribution's own files in MB; 0 if it is not installed."""
    try:
        sizes = [path.stat().st_size for file in files(distribution) or () if (path := Path(str(file.locate()))).is_file()]
    except PackageNotFoundError:
        return 0.0
    return round(sum(sizes) / 1e6)


if __name__ == "__main__":
    print(json.dumps(answer(json.load(sys.stdin))))
