"""DeepFace as it comes: `DeepFace.analyze` on our crops, with its own weights from its own downloader.

`load` fetches the weights (6 MB) into DeepFace's weights folder if they are not there, as a user of
the library expects, and gives up after two minutes; nothing else in FER-Sys fetches them, and the
app only shows this model if they lie there already. DeepFace verifies no checksum and publishes none
that we know: what came is taken if ONNX Runtime can open it, and `sha256` says what it was.
"""

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fersys.digest import sha256
from fersys.errors import ModelError
from fersys.recognizers.base import Probabilities, Recognizer
from fersys.recognizers.deepface_emotions import emotions, stock_client
from fersys.recognizers.deepface_library import EMOTION_FILE, ENGINE, HOME, LOG_LEVEL, RELEASE, open_library, weights_folder
from fersys.results import Image
from fersys.runtime import open_network

NAME, TITLE = "deepface", "DeepFace"

_PATIENCE = 120  # seconds for a download
# In a process of its own: the library's downloader waits as long as a server keeps it waiting.
_DOWNLOAD = f"""
from deepface.commons import weight_utils
from deepface.models.demography.onnx import Emotion

try:
    weight_utils.download_weights_if_necessary("{EMOTION_FILE}", Emotion.WEIGHTS_URL)
except ValueError as error:
    reason = error.__cause__
    print(reason if isinstance(reason, ValueError) else type(reason).__name__)
    raise SystemExit(1)
"""


class StockRecognizer:
    """DeepFace with its own weights. Threads take turns: see `deepface_emotions.emotions`.

    Attributes:
        weights: the file it was loaded from.
        sha256: of that file, 64 hex digits.
    """

    name, title, certainty = NAME, TITLE, 0.0

    def __init__(self, client: Any, weights: Path) -> None:
        self._client = client
        self.weights, self.sha256 = weights, sha256(weights)

    def predict(self, crops: Sequence[Image]) -> Probabilities:
        """Return probabilities, float32 (n, 7), of RGB uint8 crops; `deepface_emotions` says what the network sees of them."""
        return emotions(self._client, crops)


def load() -> Recognizer:
    """Load the library's own network, fetching its weights if they are not there.

    Raises:
        ModelError: if deepface is not installed, or its weights are missing and cannot be fetched, or damaged.
    """
    open_library()
    if not weights().is_file():
        _fetch(weights())
    return StockRecognizer(stock_client(), weights())


def weights() -> Path:
    """Return the file that the library looks for."""
    return weights_folder() / EMOTION_FILE


def missing() -> str:
    """Say why the model could not answer now without fetching anything; "" if it could."""
    if find_spec("deepface") is None:
        return "Expected the packages of requirements-app.txt. Received: no deepface"
    return "" if weights().is_file() else _absence(weights(), "no such file")


def _absence(path: Path, received: str) -> str:
    where = f"expected {path.name} in {path.parent} ({HOME} names another home)"
    return f"DeepFace's own weights are missing: {where}; get it from {RELEASE}/{path.name}. Received: {received}"


def _fetch(path: Path) -> None:
    """Let the library download its file into an empty home, and move it over if it is a network."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as home:
            fetched = Path(home, ".deepface", "weights", path.name)
            fetched.parent.mkdir(parents=True)
            _download(Path(home))
            open_network(fetched)
            os.replace(fetched, path)
    except (ModelError, OSError) as error:
        raise ModelError(_absence(path, f"no such file, and a download failed: {error}")) from error


def _download(home: Path) -> None:
    """Run the library's downloader into a home; it shows its progress on standard error."""
    variables = {**os.environ, HOME: str(home), ENGINE: "onnx", LOG_LEVEL: str(logging.CRITICAL)}
    try:
        done = subprocess.run([sys.executable, "-c", _DOWNLOAD], env=variables, stdout=subprocess.PIPE, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"not done after {_PATIENCE} seconds") from error
    if done.returncode:
        raise ModelError(done.stdout.strip() or "the library's downloader broke off")
