"""What `DeepFace.analyze` says of face crops, whichever weights its emotion network has.

The library brings a crop to its network in its own way (deepface 0.0.103), which a test holds:

1. The crop is divided by 255, unless its brightest value is 0 or 1: such a one counts as 0–1 already.
2. It is enlarged or shrunk, keeping its proportions, until its longer side has 224 pixels: linearly,
   also where it shrinks, so what lies between two samples may get lost. Sides are rounded down, and
   55 × (224 / 55) is a little less than 224: some squares come out one pixel short.
3. It is put in the middle of a black square of 224 pixels; an odd rest goes below and to the right.
4. It becomes gray (luma of BT.601) and is shrunk linearly to 48×48, values 0–1.

So a picture of 48×48, such as those of FER2013, is enlarged to 224 pixels and shrunk again, and the
network sees it a little blurred: by one gray level a pixel on average over FER2013's validation
images. Other recognisers get such a picture as it is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fersys.errors import ModelError
from fersys.labels import EMOTIONS, to_indices
from fersys.recognizers.base import Probabilities
from fersys.recognizers.deepface_library import in_place, open_library, to_bgr
from fersys.results import Image

_TASK, _MODEL = "facial_attribute", "Emotion"  # where the library keeps its one emotion network


def emotions(client: Any, crops: Sequence[Image]) -> Probabilities:
    """Run `DeepFace.analyze` on crops with an emotion network of our choice.

    Threads take turns, a face each. A thread that calls deepface itself meanwhile must hold
    `deepface_library.LOCK`, or it may be answered by our network.

    Args:
        client: an `EmotionClient` of the library.
        crops: RGB uint8 (H, W, 3) each, of any size; n = 0 is allowed.

    Returns:
        float32 (n, 7), columns in the order of `EMOTIONS`, rows summing to 1.

    Raises:
        ImageError: if a crop is not an RGB uint8 image.
        ModelError: if the library answers with other labels, or cannot be opened.
    """
    library = open_library()
    rows = [_to_row(_analyze(library, client, crop)) for crop in crops]
    return np.asarray(rows, np.float32).reshape(len(rows), len(EMOTIONS))


def _analyze(library: Any, client: Any, crop: Image) -> dict[str, float]:
    """Percent by the library's label."""
    with in_place(client, _TASK, _MODEL):
        answer = library.analyze(to_bgr(crop), actions=["emotion"], detector_backend="skip", silent=True)
    percent: dict[str, float] = answer[0]["emotion"]
    return percent


def _to_row(percent: dict[str, float]) -> Probabilities:
    if len(percent) != len(EMOTIONS):
        raise ModelError(f"deepface: expected {len(EMOTIONS)} expressions. Received: {', '.join(percent) or 'none'}")
    row = np.zeros(len(EMOTIONS), np.float64)
    row[to_indices(list(percent))] = list(percent.values())
    return np.asarray(row / row.sum(), np.float32)


def stock_client() -> Any:
    """Build the library's own emotion network, as it does: from its weights folder, downloading what is not there.

    Raises:
        ModelError: if its file is no network that ONNX Runtime can load, or cannot be had.
    """
    open_library()
    from deepface.modules import modeling

    try:
        return modeling.get_model_class(_TASK, _MODEL)()
    except ValueError as error:  # what the library raises for both
        raise ModelError(f"Expected emotion weights that deepface can load. Received: {error}") from error


def client_of(session: Any) -> Any:
    """Build the library's emotion client around a network that is open already, so that its weights folder is not asked.

    Args:
        session: `onnxruntime.InferenceSession`: float32 (n, 48, 48, 1), 0–1 → probabilities (n, 7).

    Raises:
        ModelError: if the library cannot be opened.
    """
    open_library()
    from deepface.models.demography.onnx.Emotion import EmotionClient

    client = EmotionClient.__new__(EmotionClient)  # its constructor would look for a file
    client.model_name, client.model = _MODEL, session
    return client
