"""Google's BlazeFace in three sizes, each face checked and measured by the face mesh.

Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019
(arXiv:1907.05047). Input sizes, anchors and the averaging of overlapping boxes are MediaPipe's;
the thresholds are ours, from `reports/detectors.md`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fersys.alignment import Square, angle_of
from fersys.detectors.base import Detection, Framing
from fersys.detectors.tiles import windows
from fersys.face_mesh import FaceMesh, Mesh, open_mesh
from fersys.networks import open_weights
from fersys.results import Image

# Float32 (n, 8, 2): of each face two opposite corners of its box, then eye, eye, nose, mouth, ear, ear.
Candidates = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float32]

# Least score of the mesh. From 0.5 to 0.98 no marked face is lost, nor more than 4 of 1,128 Training images; of 2,470 enlarged,
# shrunk and mirrored frames without a person those with a face fall from 29 to 2.
_IS_FACE = 0.98
_SAME_FACE = 0.3  # boxes that overlap by more (intersection ÷ union) show one face
_MESH_MARGIN = 1.5  # the mesh looks at a square this much wider than the box
# Medians over the 1,213 of 1,500 Training images in which the full-range network finds a face (LOG.md).
_FRAMING = Framing(1.13, -0.046)


@dataclass(frozen=True)
class Variant:
    """One of the three networks.

    Attributes:
        weights: name in `fersys.networks.HASHES`.
        side: of the square input, pixels.
        grids: (cells a side, anchors a cell) of each of its layers of answers.
        threshold: least score of a candidate, 0–1: low, as the mesh has the last word.
        tiled: whether large images get a second look in tiles.
    """

    weights: str
    side: int
    grids: tuple[tuple[int, int], ...]
    threshold: float = 0.5
    tiled: bool = True


FULL = Variant("blazeface-full", 192, ((48, 1),))
SHORT = Variant("blazeface-short", 128, ((16, 2), (8, 6)), tiled=False)
BACK = Variant("blazeface-back", 256, ((16, 2), (8, 6)), threshold=0.7)


class BlazeFace:
    """A BlazeFace network. ONNX Runtime's sessions are safe to share between threads."""

    def __init__(self, session: Any, variant: Variant) -> None:
        self._session, self._variant = session, variant
        self._input = session.get_inputs()[0].name
        self._anchors = _anchors(variant)

    @property
    def tiled(self) -> bool:
        """Whether large images are to be looked at in tiles too."""
        return self._variant.tiled

    def find(self, image: Image) -> list[Detection]:
        """Return what looks like a face in an RGB uint8 (H, W, 3) image, seen as a whole; sure or not."""
        candidates, scores = self._look(image)
        return [_detection(points, score) for points, score in suppress(candidates, scores)]

    def _look(self, image: Image) -> tuple[Candidates, Floats]:
        """Candidates in pixels of the image, and their scores."""
        shown, scale, margin = letterbox(image, self._variant.side)
        answers = self._session.run(None, {self._input: shown[None] / np.float32(127.5) - np.float32(1)})
        logits, shifts = sorted((answer[0] for answer in answers), key=lambda answer: int(answer.shape[1]))
        scores = 1 / (1 + np.exp(-np.clip(logits[:, 0], -50, 50)))
        chosen = scores >= self._variant.threshold
        points = _to_points(shifts[chosen].reshape(-1, 8, 2), self._anchors[chosen])
        return (points - margin) / np.float32(scale), scores[chosen]


def _anchors(variant: Variant) -> Floats:
    """Centres of the cells that answer, float32 (n, 1, 2), in pixels of the input."""
    layers = []
    for cells, count in variant.grids:
        centres = (np.arange(cells) + 0.5) * (variant.side / cells)
        layers.append(np.repeat(np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 1, 2), count, axis=0))
    return np.concatenate(layers).astype(np.float32)


def _to_points(shifts: Floats, anchors: Floats) -> Candidates:
    """From centre, size and six points, relative to the anchor, to two corners and six points."""
    centres, halves, marks = shifts[:, :1] + anchors, shifts[:, 1:2] / 2, shifts[:, 2:] + anchors
    return np.concatenate([centres - halves, centres + halves, marks], axis=1)


def letterbox(image: Image, side: int) -> tuple[Image, float, Floats]:
    """Fit an image into a black square, its shape kept.

    Returns:
        the square, uint8 (side, side, 3); its pixels ÷ those of the image; where the image's
        corner lies in it, float32 (2,), x and y.
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))  # a strip must not vanish
    fitted = cv2.resize(halved(image, side), size, interpolation=cv2.INTER_LINEAR)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + size[1], left : left + size[0]] = fitted
    return square, scale, np.array([left, top], np.float32)


def halved(image: Image, side: int) -> Image:
    """Halve an image by the means of four pixels while its longer side is at least twice `side`.

    OpenCV has a quick path for exact halves; shrinking by an odd factor at once by means takes 7 to 15 times as long.
    """
    while max(image.shape[:2]) >= 2 * side:
        half = (max(1, image.shape[1] // 2), max(1, image.shape[0] // 2))
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return image


def suppress(candidates: Candidates, scores: Floats) -> list[tuple[Candidates, float]]:
    """Make one face of all candidates that overlap: their mean, weighted by score, and the best score."""
    order = np.argsort(-scores, kind="stable")
    candidates, scores = candidates[order], scores[order]
    faces = []
    while len(scores):
        same = overlaps(candidates[0], candidates) > _SAME_FACE
        same[0] = True  # even if its box is empty
        faces.append((np.average(candidates[same], axis=0, weights=scores[same]), float(scores[0])))
        candidates, scores = candidates[~same], scores[~same]
    return faces


def overlaps(one: Floats, many: Floats) -> Floats:
    """Intersection ÷ union of one box with many, float32 (n,); boxes are their two corners, (2…, 2) and (n, 2…, 2)."""
    shared = np.clip(np.minimum(one[1], many[:, 1]) - np.maximum(one[0], many[:, 0]), 0, None).prod(axis=1)
    union = (one[1] - one[0]).prod() + (many[:, 1] - many[:, 0]).prod(axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-6), dtype=np.float32)


def _detection(points: Candidates, score: float) -> Detection:
    (left, top), (right, bottom) = points[:2].tolist()
    return Detection((left, top, right - left, bottom - top), score, points[2:].astype(np.float32))


class CheckedBlazeFace:
    """BlazeFace on the whole image and on tiles of a large one; the mesh says what is a face, and where exactly."""

    def __init__(self, network: BlazeFace, mesh: FaceMesh) -> None:
        self._network, self._mesh = network, mesh

    @property
    def framing(self) -> Framing:
        """How FER2013 frames what this detector boxes."""
        return _FRAMING

    def find(self, image: Image) -> list[Detection]:
        """Return all faces of an RGB uint8 (H, W, 3) image.

        `score` is BlazeFace's; box and landmarks are the mesh's, the box a square in the face's own axes.
        """
        faces: list[Detection] = []
        for candidate in self._candidates(image):
            if _is_new(candidate, faces) and (face := self._checked(image, candidate)) and _is_new(face, faces):
                faces.append(face)
        return faces

    def _candidates(self, image: Image) -> Iterator[Detection]:
        yield from self._network.find(image)
        for window in windows(image) if self._network.tiled else []:
            yield from window.inside(self._network.find(window.cut(image)))

    def _checked(self, image: Image, found: Detection) -> Detection | None:
        mesh = self._mesh.fit(image, _square(found, _MESH_MARGIN))
        return measured(mesh, found.score) if mesh.score >= _IS_FACE else None


def _square(found: Detection, scale: float) -> Square:
    x, y, width, height = found.box
    return Square(x + width / 2, y + height / 2, max(1.0, scale * max(width, height)), angle_of(found.landmarks))


def measured(mesh: Mesh, score: float) -> Detection:
    """The face of a mesh: its box is the square around all points, taken along the eye line."""
    angle = np.deg2rad(angle_of(mesh.landmarks))
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = mesh.points[:, :2] @ axes
    low, high = turned.min(axis=0), turned.max(axis=0)
    (x, y), side = axes @ ((low + high) / 2), float((high - low).max())
    return Detection((float(x) - side / 2, float(y) - side / 2, side, side), score, mesh.landmarks)


def _is_new(found: Detection, faces: list[Detection]) -> bool:
    """Whether it overlaps none of the faces so far."""
    return not faces or bool((overlaps(_corners(found), np.stack([_corners(face) for face in faces])) <= _SAME_FACE).all())


def _corners(found: Detection) -> Floats:
    x, y, width, height = found.box
    return np.array([[x, y], [x + width, y + height]], np.float32)


def _open(variant: Variant) -> CheckedBlazeFace:
    return CheckedBlazeFace(BlazeFace(open_weights(variant.weights), variant), open_mesh())


def open_full() -> CheckedBlazeFace:
    """Open the full-range network: faces from 5 % of the longer side, and smaller ones in large images."""
    return _open(FULL)


def open_short() -> CheckedBlazeFace:
    """Open the short-range network: the quickest, for one large face before a webcam."""
    return _open(SHORT)


def open_back() -> CheckedBlazeFace:
    """Open the network for the back camera: finds the smallest faces, at more than twice the time and with false ones."""
    return _open(BACK)
