"""Face chips as dlib's recogniser was trained on: levelled and framed by the corners of the eyes and the foot of the nose."""

import cv2
import numpy as np
import numpy.typing as npt

from fersys.alignment import Square, view_matrix
from fersys.face_mesh import Mesh, open_mesh
from fersys.images import check_image
from fersys.results import Image

CHIP = 150  # side in pixels

_PADDING = 0.25  # of the mean face, on each side
# Where dlib's mean face has the corners of the eyes and the foot of the nose, 0–1: `get_face_chip_details` of its 5-point aligner.
_MEAN = ((0.1205751, 0.2137275), (0.3340851, 0.2290642), (0.6460605, 0.2289674), (0.8595675, 0.2134982), (0.4901123, 0.6277975))
_POINTS = (33, 133, 362, 263, 2)  # the same five of the face mesh
_MESH_MARGIN = 1.3  # its input is so much wider than our crops
_IS_FACE = 0.5
# Where the chip lies in a crop, if the mesh sees no face: medians of dlib's own aligner over 800 images of Training. Right, down and side, by the crop's side.
_USUAL = (0.51, 0.583, 1.04)
_LONGEST = 2 * CHIP  # a larger crop is shrunk before, by area: the chip takes single points

Matrix = npt.NDArray[np.float64]


def to_chip(crop: Image) -> Image:
    """Level and frame a face as dlib's recogniser expects it.

    Args:
        crop: RGB uint8 (H, W, 3), best one of ours, or an image of FER2013.

    Returns:
        RGB uint8 (150, 150, 3), resampled cubically; beyond the crop's border its last pixels are
        repeated. Where the face mesh sees no face, the crop is framed as usual and not turned.

    Raises:
        ImageError: if the crop is not an RGB uint8 image.
        ModelError: if the mesh's file is missing or changed.
    """
    check_image(crop)
    crop = _shrink(crop)
    mesh = _mesh(crop)
    matrix = _usual(crop) if mesh is None else fit_similarity(mesh.points[list(_POINTS), :2], _mean_face())
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # OpenCV measures from the centres of pixels
    return np.asarray(cv2.warpAffine(crop, matrix, (CHIP, CHIP), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _shrink(crop: Image) -> Image:
    longest = max(crop.shape[:2])
    if longest <= _LONGEST:
        return crop
    height, width = (max(1, round(side * _LONGEST / longest)) for side in crop.shape[:2])
    return np.asarray(cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _middle(crop: Image) -> Square:
    height, width = crop.shape[:2]
    return Square(width / 2, height / 2, max(height, width))


def _mesh(crop: Image) -> Mesh | None:
    """The mesh of the face that fills a crop, fitted once more to the levelled face; None if there is no face."""
    whole, network = _middle(crop), open_mesh()
    found = network.fit(crop, Square(whole.x, whole.y, _MESH_MARGIN * whole.side))
    if found.score <= _IS_FACE:
        return None
    again = network.fit(crop, Square(whole.x, whole.y, _MESH_MARGIN * whole.side, found.pose.roll))
    return again if again.score > _IS_FACE else found


def _usual(crop: Image) -> Matrix:
    whole = _middle(crop)
    right, down, side = _USUAL
    framed = Square(whole.x + (right - 0.5) * whole.side, whole.y + (down - 0.5) * whole.side, side * whole.side)
    return np.asarray(cv2.invertAffineTransform(view_matrix(framed, CHIP)), np.float64)


def _mean_face() -> Matrix:
    return (np.array(_MEAN) + _PADDING) / (1 + 2 * _PADDING) * CHIP


def fit_similarity(source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> Matrix:
    """Return the turn, scaling and shift, float64 (2, 3), that brings points (n, 2) nearest to others, by least squares.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    PAMI 1991. No mirroring: n ≥ 2 points that are not all the same.
    """
    here, there = source.mean(axis=0), target.mean(axis=0)
    left, strengths, right = np.linalg.svd((target - there).T @ (source - here))
    signs = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    turn = left @ np.diag(signs) @ right
    scale = (strengths * signs).sum() / ((source - here) ** 2).sum()
    return np.column_stack([scale * turn, there - scale * turn @ here])
