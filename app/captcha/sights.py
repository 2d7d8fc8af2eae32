"""What a judge keeps of a frame: numbers, and a small gray picture for as long as the step lasts; never the frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from app.captcha.cues import Bits, Floats, Gray, hash_of, thumb
from app.captcha.expressions import agree
from fersys.face_mesh import mesh
from fersys.faces import detect
from fersys.recognizers.base import Recognizer
from fersys.results import Face, Image

_WIDTH = 160  # of the small picture
_BESIDE = 0.4  # a second face counts from this share of the first one's side
_LEAST_SIDE, _LEAST_SHARE = 64, 0.12  # pixels, and share of the picture's longer side: smaller faces are too far


@dataclass(frozen=True, eq=False)
class Sight:
    """One frame with a face.

    Attributes:
        at: server time in seconds.
        box: (x, y, width, height) of the face in pixels of the frame.
        alone: no second face is there.
        near: the face is large enough.
        agreement: float32 (7,), of each expression the lower of both models' probabilities.
        points: float32 (468, 3), mesh in pixels of the small picture.
        yaw: in degrees, above 0 turned to the right of the picture.
        gray: uint8 (h, 160), the small picture.
        background: float64 (16, 24), see `cues.thumb`.
        bits: see `cues.hash_of`.
    """

    at: float
    box: tuple[int, int, int, int]
    alone: bool
    near: bool
    agreement: npt.NDArray[np.float32]
    points: npt.NDArray[np.float32]
    yaw: float
    gray: Gray
    background: Floats
    bits: Bits

    @property
    def share(self) -> tuple[float, float, float, float]:
        """The face's box in shares of the picture's width and height."""
        height, width = self.gray.shape
        return share_of(self.points, width, height)


def share_of(points: npt.NDArray[np.float32], width: int, height: int) -> tuple[float, float, float, float]:
    """Return the box around mesh points in shares of a picture's width and height."""
    (left, top), (right, bottom) = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return float(left / width), float(top / height), float((right - left) / width), float((bottom - top) / height)


def see(image: Image, recognizers: Sequence[Recognizer], at: float) -> Sight | None:
    """Look at a frame.

    Args:
        image: RGB uint8 (H, W, 3).
        recognizers: all must say that an expression is there.
        at: server time in seconds.

    Returns:
        what is kept of it; None if there is no face.
    """
    faces = detect(image)
    if not faces:
        return None
    face, fitted = faces[0], mesh(image, faces[0])
    gray = small_gray(image)
    points = fitted.points * np.float32(_WIDTH / image.shape[1])
    agreement = agree([recognizer.predict([face.crop])[0] for recognizer in recognizers])
    background = thumb(gray, share_of(points, gray.shape[1], gray.shape[0]))
    bits = hash_of(face.crop, gray)
    return Sight(at, face.box, _is_alone(faces), _is_near(face, image), agreement, points, fitted.pose.yaw, gray, background, bits)


def small_gray(image: Image) -> Gray:
    """Return a picture, 160 pixels wide, in gray."""
    size = (_WIDTH, max(1, round(image.shape[0] * _WIDTH / image.shape[1])))
    return np.asarray(cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), np.uint8)


def _is_alone(faces: Sequence[Face]) -> bool:
    return len(faces) == 1 or len(faces[1].crop) < _BESIDE * len(faces[0].crop)


def _is_near(face: Face, image: Image) -> bool:
    return bool(len(face.crop) >= max(_LEAST_SIDE, _LEAST_SHARE * max(image.shape[:2])))
