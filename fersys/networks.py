"""The networks that come inside the package: `fersys/weights/`, whose README.md says where they are from."""

from pathlib import Path
from typing import Any

from fersys.digest import sha256
from fersys.errors import ModelError
from fersys.runtime import open_network

FOLDER = Path(__file__).parent / "weights"
# SHA-256 of each file. They are made again by `python -m train weights`.
HASHES: dict[str, str] = {
    "blazeface-short": "a7e6a917b5615a6980de55788d90c28dcc815fbb461a0e8e52f1274d786493ca",
    "blazeface-back": "856c375bb5081f3688d16973160996f4405ef67a8248ab3aaf9826a45116c102",
    "blazeface-full": "c2c71e8b9a5a5e371c15192127af085bb98a328b2e2c7dbf40eff04288574529",
    "face-mesh": "23941650e076a581a45e8813fee2360c86e8dadb4cb8d4dd6f601f0b7ee074f8",
}


def open_weights(name: str, folder: Path = FOLDER) -> Any:
    """Check and open one of the networks of `HASHES` as an `onnxruntime.InferenceSession`.

    One thread a call: they take a few milliseconds, and a second thread would mostly wait.

    Args:
        name: a key of `HASHES`.
        folder: where the files lie.

    Raises:
        ModelError: if the file is missing or is not the one that was shipped.
    """
    path = folder / f"{name}.onnx"
    received = sha256(path) if path.is_file() else "no such file"
    if received != HASHES[name]:
        raise ModelError(f"{path}: expected SHA-256 {HASHES[name]}; install fersys anew. Received: {received}")
    return open_network(path, threads=1)
