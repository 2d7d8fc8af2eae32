"""Times other libraries on our pictures, in a process of its own: `python -m train.rival_worker`.

The first line of standard input is a request, `{"rival": name, "folder": path}`; the answer is
`{"rows": [...], "version": ...}`. Each further line names a row and is answered by one time in
milliseconds, so that the asker can take turns between processes. Needs numpy and the rival alone,
so it may run in another environment. To add a rival, add a line to `RIVALS`.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from train.runtime_worker import milliseconds

Step = Callable[[], Any]

FRAME, CROP, NETWORK = "frame.npy", "crop.npy", "model.keras"  # in the folder: RGB uint8 (H, W, 3) twice, and a Keras model
PRODUCT_SIDE = 2048  # of the matrices whose product shows what the processor can do
_INPUT = (1, 48, 48, 1)


def _bgr(path: Path) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(np.load(path)[..., ::-1])


def _open_deepface(folder: Path) -> dict[str, Step]:
    from deepface import DeepFace

    analyze = partial(DeepFace.analyze, actions=["emotion"], silent=True)
    frame, crop = _bgr(folder / FRAME), _bgr(folder / CROP)
    return {
        "DeepFace.analyze, its OpenCV detector": lambda: analyze(frame, detector_backend="opencv"),
        "DeepFace.analyze of our crop": lambda: analyze(crop, detector_backend="skip"),
    }


def _open_fer(folder: Path) -> dict[str, Step]:
    package = import_module("fer.fer")  # lives in an environment of its own: nothing here may depend on it
    detector, frame = package.FER(mtcnn=False), _bgr(folder / FRAME)
    if not detector.detect_emotions(frame):
        raise RuntimeError("fer finds no face in the frame")
    return {"fer, its OpenCV detector": lambda: detector.detect_emotions(frame)}


def _open_keras(folder: Path) -> dict[str, Step]:
    import keras

    model, inputs = keras.saving.load_model(folder / NETWORK, compile=False), np.zeros(_INPUT, np.float32)
    return {"Keras predict, 1 face": lambda: model.predict(inputs, verbose=0)}


def _open_numpy(_folder: Path) -> dict[str, Step]:
    """A large float32 product: what one core reaches, if the asker allows the library one thread."""
    square = np.random.default_rng(0).random((PRODUCT_SIDE, PRODUCT_SIDE), dtype=np.float32)
    return {"matrix product": lambda: square @ square}


# distribution -> how its rows are opened
RIVALS: dict[str, Callable[[Path], dict[str, Step]]] = {
    "deepface": _open_deepface,
    "fer": _open_fer,
    "keras": _open_keras,
    "numpy": _open_numpy,
}


def serve(questions: IO[str], answers: IO[str]) -> None:
    """Answer one request and then each row that is asked for, until there is no more to read."""
    request = json.loads(questions.readline())
    steps = RIVALS[request["rival"]](Path(request["folder"]))
    _say(answers, {"rows": list(steps), "version": _version(request["rival"])})
    for line in questions:
        _say(answers, {"ms": milliseconds(steps[json.loads(line)], 1)[0]})


def _say(answers: IO[str], content: dict[str, Any]) -> None:
    answers.write(json.dumps(content) + "\n")
    answers.flush()


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as channel:
        os.dup2(2, 1)  # what libraries print is no answer
        serve(sys.stdin, channel)
