"""Opens networks for the serving runtime (ONNX Runtime on the CPU).

The choice among runtimes was measured: `reports/runtimes.md`.
"""

import os
from pathlib import Path
from typing import Any

from fersys.errors import ModelError


def open_network(path: Path, threads: int = 0) -> Any:
    """Open an ONNX file as an `onnxruntime.InferenceSession`, which threads may share.

    Args:
        path: the file.
        threads: how many threads one call may use; 0: one a core.

    Raises:
        ModelError: if ONNX Runtime cannot read it.
    """
    # Or it reports to its maker, who switched that on for Linux and macOS in 1.29. Read once, when it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    refusals = (runtime.Fail, runtime.InvalidArgument, runtime.InvalidGraph, runtime.InvalidProtobuf, runtime.NoSuchFile, runtime.NotImplemented)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that wait must not burn a core: beside other work that doubles the time of a frame, alone it gains under a millisecond.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (*refusals, runtime.RuntimeException) as error:
        raise ModelError(f"Expected a network that ONNX Runtime can load. Received: {path}: {error}") from error
