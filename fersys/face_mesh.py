"""Google's face mesh: 468 points on a face, how sure the network is that there is one, and how the head is held.

Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019
(arXiv:1907.06724). The numbers of its points are MediaPipe's.
"""

import math
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from fersys.alignment import Square, angle_of, to_image, view, view_matrix
from fersys.images import check_image
from fersys.networks import open_weights
from fersys.results import Face, Image

POINTS = 468
_INPUT = 192  # side of the network's input, pixels
_MARGIN = 1.5  # its input is this much larger than BlazeFace's box
_CROP_MARGIN = 1.3  # … and than our crop, which is itself about 1.15 boxes wide
_OPENING = Lock()

# Points of the mesh for the six landmarks of `Detection`, and for the axes of a head. "Left" is in the picture.
_EYES = ((33, 133), (362, 263))
_NOSE, _LIPS, _EARS = 1, (13, 14), (127, 356)
_TOP, _CHIN = 10, 152


@dataclass(frozen=True)
class Pose:
    """How a head is held, in degrees, as the viewer sees it; with yaw and roll 0 it faces the camera.

    Attributes:
        yaw: above 0 the face is turned to the right of the picture.
        pitch: above 0 it looks up; 0 if the forehead is as near as the chin, so that a face that looks
            straight ahead has about −5 (the median of 300 faces of FER2013 is −10).
        roll: above 0 it leans clockwise: the eye on the right is the lower one.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, eq=False)
class Mesh:
    """A face mesh.

    Attributes:
        points: float32 (468, 3), x and y in pixels of the image, z of the same unit from the centre
            of the head, smaller is nearer.
        score: how sure the network is that this is a face, 0–1.
        pose: how the head is held.
    """

    points: npt.NDArray[np.float32]
    score: float
    pose: Pose

    @property
    def landmarks(self) -> npt.NDArray[np.float32]:
        """Eye, eye, nose, mouth, ear, ear: float32 (6, 2), in the order of `Face.landmarks`."""
        flat = self.points[:, :2]
        return np.stack([*(flat[list(eye)].mean(axis=0) for eye in _EYES), flat[_NOSE], flat[list(_LIPS)].mean(axis=0), *flat[list(_EARS)]])


class FaceMesh:
    """The network. ONNX Runtime's sessions are safe to share between threads."""

    def __init__(self, session: Any) -> None:
        self._session, self._input = session, session.get_inputs()[0].name

    def fit(self, image: Image, square: Square) -> Mesh:
        """Fit the mesh to the face in a square, about 1.5 times as wide as the face, turned as it is.

        Args:
            image: RGB uint8 (H, W, 3).
            square: where the face is.
        """
        shown = view(image, square, _INPUT)
        answers = self._session.run(None, {self._input: shown[None] / np.float32(255)})
        logit, raw = sorted((answer.ravel() for answer in answers), key=len)
        points = raw.reshape(POINTS, 3)
        flat = to_image(points[:, :2], view_matrix(square, _INPUT))
        placed = np.column_stack([flat, points[:, 2] * (square.side / _INPUT)]).astype(np.float32)
        return Mesh(placed, 1 / (1 + math.exp(-float(logit[0]))), pose_of(placed))


def pose_of(points: npt.NDArray[np.float32]) -> Pose:
    """Return how the head is held whose mesh points are float32 (468, 3).

    From the line between the outer corners of the eyes, and the one from the top of the forehead to the chin.
    """
    across = points[_EYES[1][1]] - points[_EYES[0][0]]
    across = across / np.linalg.norm(across)
    down = points[_CHIN] - points[_TOP]
    down = down - across * (down @ across)
    inward = np.cross(across, down / np.linalg.norm(down))
    yaw = math.atan2(-inward[0], inward[2])
    pitch = math.asin(max(-1.0, min(1.0, float(inward[1]))))
    return Pose(math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(across[1], across[0])))


def open_mesh() -> FaceMesh:
    """Return the network of the package, opened at the first call only.

    Raises:
        ModelError: if its file is missing or changed.
    """
    with _OPENING:
        return _mesh()


@cache
def _mesh() -> FaceMesh:
    return FaceMesh(open_weights("face-mesh"))


def mesh(image: Image, face: Face) -> Mesh:
    """Fit the 468 points of the face mesh to a face that `detect` found.

    Args:
        image: RGB uint8 (H, W, 3) in which the face was found.
        face: the face, with landmarks or without.

    Returns:
        its points in pixels of the image, a score and the pose. A score below 0.5 says that
        there is no face.

    Raises:
        ImageError: if the image is not RGB uint8.
        ModelError: if the network's file is missing or changed.
    """
    check_image(image)
    x, y, width, height = face.box
    return open_mesh().fit(image, Square(x + width / 2, y + height / 2, _CROP_MARGIN * len(face.crop), angle_of(face.landmarks)))
