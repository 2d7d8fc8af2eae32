"""Opens the library deepface, so that its import changes nothing else in the process.

Imported plainly, deepface 0.0.103 makes folders in the user's home, prints, silences all warnings,
sets `TF_USE_LEGACY_KERAS` (with which TensorFlow no longer finds Keras 3) and prefers TensorFlow to
ONNX Runtime. Every file of ours that uses it goes through `open_library`, on its ONNX engine, which
imports neither TensorFlow nor PyTorch.
"""

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import cv2
import numpy as np

from fersys.errors import ModelError
from fersys.images import check_image
from fersys.results import Image

HOME, ENGINE, LOG_LEVEL = "DEEPFACE_HOME", "DEEPFACE_BACKEND_ENGINE", "DEEPFACE_LOG_LEVEL"
EMOTION_FILE = "facial_expression_model_weights.onnx"  # what its ONNX engine loads
EMOTION_H5_FILE = "facial_expression_model_weights.h5"  # what its TensorFlow engine loads
RELEASE = "https://github.com/serengil/deepface_models/releases/download/v1.0"  # its author's page of weights

# Held while the library is imported, and while what it holds globally is exchanged for a call.
LOCK = RLock()

_ENGINE = "onnx"
_LONGEST = 32  # times as long as wide: the smallest input of a network of the library is 47 pixels, and must hold a pixel of the short side
# What the import sets, and what tells it where to make folders and how much to say.
_VARIABLES = (HOME, ENGINE, LOG_LEVEL, "TF_USE_LEGACY_KERAS", "TF_CPP_MIN_LOG_LEVEL")


def open_library() -> Any:
    """Import deepface on its ONNX engine, the first time in about half a second, and return its module `DeepFace`.

    The environment, the warning filters and the user's home are afterwards as they were. While the
    import runs, other threads may see the environment changed.

    Raises:
        ModelError: if deepface is not installed, or was imported on another engine before.
    """
    # Or ONNX Runtime reports to its maker: see `fersys.runtime`.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with LOCK:
        library, engine = _import() if "deepface.DeepFace" in sys.modules else _import_quietly()
    if engine != _ENGINE:
        raise ModelError(f"deepface: expected its engine {_ENGINE}, {ENGINE}={_ENGINE} before its first import chooses it. Received: {engine}")
    return library


def _import() -> tuple[Any, str]:
    try:
        from deepface import DeepFace
        from deepface.commons import backend_utils
    except ModuleNotFoundError as error:
        missing = (error.name or "deepface").partition(".")[0]
        raise ModelError(f"deepface: expected the packages of requirements-app.txt. Received: no {missing}") from error
    return DeepFace, backend_utils.get_backend_engine()


def _import_quietly() -> tuple[Any, str]:
    with tempfile.TemporaryDirectory() as home, warnings.catch_warnings(), environment_kept(_VARIABLES):
        os.environ.update({HOME: home, ENGINE: _ENGINE})
        os.environ.setdefault(LOG_LEVEL, str(logging.CRITICAL))  # it logs to standard output, where answers go
        return _import()


@contextmanager
def environment_kept(names: tuple[str, ...]) -> Iterator[None]:
    """Set environment variables back to what they are now, or take them out again, when the block ends."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def in_place(client: Any, task: str, model: str) -> Iterator[None]:
    """Let a network stand where the library keeps its one of that name, and put back what stood there when the block ends.

    Args:
        client: the network, as the library builds it.
        task: what the library calls its kind: "facial_attribute", "facial_recognition", …
        model: its name in the library.
    """
    from deepface.modules import modeling

    with LOCK:
        if not hasattr(modeling, "cached_models"):  # the library makes it when it builds its first network
            modeling.cached_models = {task: {} for task in modeling.AVAILABLE_MODELS}
        networks = modeling.cached_models[task]
        before = networks.get(model)
        networks[model] = client
        try:
            yield
        finally:
            networks[model] = before  # None: the library builds its own when it is asked


def weights_folder() -> Path:
    """Return the folder where deepface looks for weights: under `DEEPFACE_HOME`, or else the user's home; it need not exist."""
    return Path(os.environ.get(HOME, Path.home())) / ".deepface" / "weights"


def to_bgr(crop: Image) -> Image:
    """Return a crop as deepface takes it.

    Args:
        crop: RGB uint8 (H, W, 3), of any size.

    Returns:
        BGR uint8 (H, W, 3), a copy. A strip more than 32 times as long as wide is widened to that, as
        the library, which shrinks a crop until its longer side fits, would shrink its width to nothing.

    Raises:
        ImageError: if the crop is not an RGB uint8 image.
    """
    check_image(crop)
    height, width = crop.shape[:2]
    least = -(-max(height, width) // _LONGEST)
    if min(height, width) < least:
        crop = np.asarray(cv2.resize(crop, (max(width, least), max(height, least)), interpolation=cv2.INTER_NEAREST), np.uint8)
    return np.ascontiguousarray(crop[..., ::-1])
