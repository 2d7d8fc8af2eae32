"""Our own CNN, run from the package's ONNX file. Needs no TensorFlow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fersys.calibration import apply_temperature
from fersys.config import ModelConfig
from fersys.errors import ModelError
from fersys.labels import EMOTIONS
from fersys.preprocess import to_model_input
from fersys.recognizers.base import PackageRecognizer, Probabilities, Recognizer
from fersys.results import Image
from fersys.runtime import open_network

_BATCH = 256  # faces a call of the runtime: bounds memory


class CnnRecognizer(PackageRecognizer):
    """A CNN of ours on ONNX Runtime. Sessions are safe to share between threads."""

    def __init__(self, session: Any, config: ModelConfig) -> None:
        super().__init__(config)
        self._session = session
        self._input = session.get_inputs()[0].name

    def predict(self, crops: Sequence[Image]) -> Probabilities:
        """Return calibrated probabilities, float32 (n, 7), of RGB uint8 crops."""
        parts = [self._run([to_model_input(crop) for crop in crops[i : i + _BATCH]]) for i in range(0, len(crops), _BATCH)]
        raw = np.concatenate([np.empty((0, len(EMOTIONS)), np.float32), *parts])
        return apply_temperature(raw, self._config.temperature)

    def _run(self, inputs: list[npt.NDArray[np.uint8]]) -> Probabilities:
        output = self._session.run(None, {self._input: np.stack(inputs).astype(np.float32)})[0]
        return np.asarray(output, dtype=np.float32)


def load(folder: Path, config: ModelConfig) -> Recognizer:
    """Load the serving file of a package whose hash was checked.

    Raises:
        ModelError: if ONNX Runtime cannot read it, or its output is not (n, 7).
    """
    session = open_network(folder / config.serving_file)
    columns = session.get_outputs()[0].shape[-1]
    if columns != len(EMOTIONS):
        raise ModelError(f"{folder / config.serving_file}: expected {len(EMOTIONS)} outputs. Received: {columns}")
    return CnnRecognizer(session, config)
