"""DeepFace's emotion network with weights that a package brings, run by the unmodified `DeepFace.analyze`.

The serving file is the very file that the library loads from its weights folder. Here it is opened
from the package, whose hash was checked, and handed to the library's own `EmotionClient`: nothing is
written anywhere, the user's `DEEPFACE_HOME` is not asked, and packages of different weights and the
library's own can be asked side by side. The temperature of the package comes after the library's
percent have become probabilities. To have the library alone answer, put the file into its weights
folder; then the answers are those of temperature 1.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fersys.calibration import apply_temperature
from fersys.config import ModelConfig
from fersys.errors import ModelError
from fersys.labels import EMOTIONS
from fersys.preprocess import INPUT_SIZE
from fersys.recognizers.base import PackageRecognizer, Probabilities, Recognizer
from fersys.recognizers.deepface_emotions import client_of, emotions
from fersys.results import Image
from fersys.runtime import open_network

_INPUT, _OUTPUT = [INPUT_SIZE, INPUT_SIZE, 1], [len(EMOTIONS)]


class NetworkRecognizer(PackageRecognizer):
    """DeepFace's network, a package's weights. Threads take turns: see `deepface_emotions.emotions`."""

    def __init__(self, client: Any, config: ModelConfig) -> None:
        super().__init__(config)
        self._client = client

    def predict(self, crops: Sequence[Image]) -> Probabilities:
        """Return calibrated probabilities, float32 (n, 7), of RGB uint8 crops; `deepface_emotions` says what the network sees of them."""
        return apply_temperature(emotions(self._client, crops), self._config.temperature)


def load(folder: Path, config: ModelConfig) -> Recognizer:
    """Load the serving file of a package whose hash was checked: float32 (n, 48, 48, 1), 0–1 → probabilities (n, 7), any n.

    Raises:
        ModelError: if ONNX Runtime cannot read it, it has other inputs or outputs, or deepface is not installed.
    """
    path = folder / config.serving_file
    session = open_network(path)
    shapes = session.get_inputs()[0].shape, session.get_outputs()[0].shape
    count, size = shapes[0][:1], [shape[1:] for shape in shapes]
    if size != [_INPUT, _OUTPUT] or isinstance(count[0], int):
        raise ModelError(f"{path}: expected any number of images of {INPUT_SIZE}×{INPUT_SIZE}×1 in, {len(EMOTIONS)} out. Received: {shapes[0]}, {shapes[1]}")
    return NetworkRecognizer(client_of(session), config)
