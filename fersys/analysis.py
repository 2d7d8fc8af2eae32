"""From a picture to what each model says of each face in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fersys.faces import detect
from fersys.recognizers.base import Probabilities, Recognizer
from fersys.results import Face, Image, Prediction, to_prediction


@dataclass(frozen=True)
class FaceResult:
    """One face and the predictions for it, one a recogniser, in the order they were given."""

    face: Face
    predictions: tuple[Prediction, ...]


def analyze(image: Image, recognizers: Sequence[Recognizer]) -> list[FaceResult]:
    """Find all faces and ask every recogniser about the same crop of each.

    >>> import fersys
    >>> cnn = fersys.load("hub/models/fersys-cnn")
    >>> for result in fersys.analyze(fersys.read_image("photo.jpg"), [cnn]):
    ...     print(result.predictions[0].label)
    happy

    Args:
        image: RGB uint8 (H, W, 3).
        recognizers: as from `fersys.load`.

    Returns:
        one result a face, the largest face first; empty if there is no face.

    Raises:
        ImageError: if the image is not RGB uint8.
    """
    faces = detect(image)
    crops = [face.crop for face in faces]
    return join(faces, [(recognizer, recognizer.predict(crops)) for recognizer in recognizers])


def join(faces: Sequence[Face], answers: Sequence[tuple[Recognizer, Probabilities]]) -> list[FaceResult]:
    """Put each face beside what every recogniser said of it: float32 (n, 7), rows in the order of the faces."""
    return [FaceResult(face, tuple(_predict(asked, rows[index]) for asked, rows in answers)) for index, face in enumerate(faces)]


def _predict(asked: Recognizer, row: Probabilities) -> Prediction:
    return to_prediction(asked.name, row, asked.certainty, asked.title)


def whole_face(picture: Image) -> Face:
    """Return a picture that is a face already, such as those of FER2013, as the one face in it.

    Args:
        picture: RGB uint8 (H, W, 3), the crop that recognisers are given as it is.
    """
    height, width = picture.shape[:2]
    return Face((0, 0, width, height), 1.0, np.empty((0, 2), np.float32), picture)
