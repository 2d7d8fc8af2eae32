"""What tells a living face from a picture of one: pure functions of mesh points and small gray pictures.

Lengths are in eye widths, the distance between the outer corners of both eyes, so that neither the camera nor the
distance matters. A deny cue has a value and a limit: beyond it the step is vetoed, whatever else speaks for it.
Nothing is averaged over cues.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Points = npt.NDArray[np.floating]
Gray = npt.NDArray[np.uint8]
Bits = npt.NDArray[np.bool_]

# Points that no expression moves much, and that do not lie in a plane: forehead, bridge and tip of the nose, corners of the eyes, sides of the head.
RIGID = (10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 33, 133, 362, 263, 127, 356, 234, 454, 93, 323)
_OUTER = (33, 263)  # outer corners of the eyes
_EVERY = 3  # a third of the mesh says as much as all of it
_THUMB = (24, 16)
_HASH = (17, 16)
_CORNERS, _LEAST = 80, 12  # points of the background that are followed, and how few are too few
_ROOM = 24  # cells of `thumb`, of 384: with less background nothing is known of it
_ALIKE = 0.02  # gray levels; no camera takes two pictures that differ by less


@dataclass(frozen=True)
class Limits:
    """Where the cues deny; `reports/spoof.md` says what they were chosen on.

    Attributes:
        flat: least change of shape between rest and pose, after a homography: a photo has none.
        planar: least parallax of the rigid points between a face ahead and one that is turned: a plane has none.
        sudden: largest share of that change between two frames: a swapped picture changes at once.
        leap: largest way of the face between two frames, in eye widths.
        cut: largest change of the background between two frames, in gray levels.
        stuck: least movement of the face against its background, once the background has moved: a photo in a hand has none.
        frozen: largest share of frames without a camera's noise.
        seen: largest share of frames that were seen before.
    """

    flat: float = 0.012
    planar: float = 0.02
    sudden: float = 0.85
    leap: float = 1.0
    cut: float = 14.0
    stuck: float = 0.02
    frozen: float = 0.7
    seen: float = 0.4


def flatten(points: Points) -> Floats:
    """Return x and y of mesh points (468, 3) as float64 (468, 2)."""
    return np.ascontiguousarray(points[:, :2], np.float64)


def eye_width(points: Points) -> float:
    """Return the distance between the outer corners of the eyes of mesh points (468, 2 or 3), in pixels; above 0."""
    return max(float(np.linalg.norm(points[_OUTER[1], :2] - points[_OUTER[0], :2])), 1e-6)


def deviation(points: Points, reference: Points, chosen: Sequence[int] = ()) -> Floats:
    """Return by how much each point misses its place after the homography that brings a face best onto a reference.

    Args:
        points: mesh points (468, 2 or 3) of a frame.
        reference: the same of another.
        chosen: numbers of the points to compare; none: a third of them all.

    Returns:
        float64 (k, 2), in eye widths of the reference; zero if there is no homography.
    """
    index = list(chosen) or list(range(0, len(points), _EVERY))
    source, target = flatten(points)[index], flatten(reference)[index]
    matrix: Any = cv2.findHomography(source, target, 0)[0]  # None if there is none
    if matrix is None:
        return np.zeros_like(target)
    placed = cv2.perspectiveTransform(source[None], matrix)[0]
    return np.asarray((placed - target) / eye_width(reference), np.float64)


def size(deviations: Floats) -> float:
    """Return the root mean square length of deviations (k, 2)."""
    return float(np.sqrt((deviations**2).sum(axis=1).mean()))


def change(rest: Sequence[Points], pose: Sequence[Points]) -> float:
    """Return how far the mean shape of a pose is from the mean shape at rest, in eye widths: noise and tilting drop out."""
    return size(_mean(pose, rest[0]) - _mean(rest, rest[0]))


def _mean(frames: Sequence[Points], reference: Points) -> Floats:
    return np.asarray(np.mean([deviation(points, reference) for points in frames], axis=0), np.float64)


def parallax(ahead: Sequence[Points], turned: Sequence[Points]) -> float:
    """Return by how much the rigid points miss a homography between a face ahead and a turned one, in eye widths; the median of all pairs."""
    return float(np.median([size(deviation(after, before, RIGID)) for before in ahead for after in turned]))


def largest_share(path: Sequence[Points], rest: Sequence[Points], pose: Sequence[Points]) -> float:
    """Return the largest share of the change from rest to pose that happened between two neighbouring frames of a path, about 0–1."""
    begin = _mean(rest, rest[0])
    way = _mean(pose, rest[0]) - begin
    length = float((way**2).sum())
    if length < 1e-12 or len(path) < 2:
        return 1.0
    done = np.array([((deviation(points, rest[0]) - begin) * way).sum() / length for points in path])
    return float(np.diff(done).max())


def leap(before: Points, after: Points) -> float:
    """Return how far a face moved between two frames, in eye widths; coming nearer by a tenth counts as a fifth of one."""
    way = np.linalg.norm(flatten(after).mean(axis=0) - flatten(before).mean(axis=0)) / eye_width(before)
    return float(way + 2 * abs(np.log(np.ptp(flatten(after)[:, 1]) / max(float(np.ptp(flatten(before)[:, 1])), 1e-6))))


def thumb(gray: Gray, box: tuple[float, float, float, float]) -> Floats:
    """Return the background as float64 (16, 24), NaN where the head is.

    Args:
        gray: uint8 (h, w).
        box: (x, y, width, height) of the face, in shares of the picture's width and height.
    """
    small = cv2.resize(gray, _THUMB, interpolation=cv2.INTER_AREA).astype(np.float64)
    small[~_outside(small.shape[:2], box)] = np.nan
    return np.asarray(small, np.float64)


def _outside(shape: tuple[int, ...], box: tuple[float, float, float, float]) -> Bits:
    """True above and beside the head; the shoulders go with the face."""
    x, y, width, height = box
    rows, columns = (np.arange(count) + 0.5 for count in shape)
    across = np.abs(columns / shape[1] - (x + width / 2)) < 0.9 * width
    down = rows / shape[0] > y - 0.5 * height
    return np.asarray(~(down[:, None] & across[None, :]))


def has_room(background: Floats) -> bool:
    """Whether enough background is seen beside and above the face, as `thumb` has it."""
    return int(np.isfinite(background).sum()) >= _ROOM


def cut(before: Floats, after: Floats) -> float:
    """Return by how many gray levels two backgrounds, as `thumb` has them, differ on average; infinite if they share no place."""
    difference = np.abs(after - before)
    return float(np.nanmean(difference)) if np.isfinite(difference).any() else np.inf


def slip(before: Gray, after: Gray, faces: tuple[Points, Points], box: tuple[float, float, float, float]) -> tuple[float, float]:
    """Return how far the face moved against its background, and how far the background moved under it, in eye widths.

    Args:
        before, after: uint8 (h, w), two pictures of the same size.
        faces: the mesh points of both, (468, 2 or 3), in pixels of these pictures.
        box: of the face before, in shares of the picture's width and height.

    Returns:
        (slip, way); (inf, 0) if the background has nothing to hold on to.
    """
    mask = _outside(before.shape, box).astype(np.uint8) * 255
    corners = cv2.goodFeaturesToTrack(before, _CORNERS, 0.02, 5, mask=mask)
    if corners is None or len(corners) < _LEAST:
        return np.inf, 0.0
    found, status, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, np.empty_like(corners))
    good = status.ravel() == 1
    matrix, _ = cv2.findHomography(corners[good], found[good], cv2.RANSAC, 1.0) if good.sum() >= _LEAST else (None, None)
    if matrix is None:
        return np.inf, 0.0
    old, new = (flatten(points)[list(RIGID)] for points in faces)
    carried = cv2.perspectiveTransform(old[None], matrix)[0]
    width = eye_width(faces[0])
    return size((new - carried) / width), size((carried - old) / width)


def is_frozen(before: Gray, after: Gray) -> bool:
    """Whether two pictures uint8 (h, w) of the same size differ by less than any camera's noise."""
    return before.shape == after.shape and float(cv2.norm(before, after, cv2.NORM_L1)) / before.size < _ALIKE


def hash_of(crop: npt.NDArray[np.uint8], gray: Gray) -> Bits:
    """Return 512 bits that survive another compression or size: where a picture grows brighter from left to right.

    Args:
        crop: RGB uint8 (side, side, 3), the face.
        gray: uint8 (h, w), the whole frame.
    """
    face = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.concatenate([_rises(face), _rises(gray)])


def _rises(gray: Gray) -> Bits:
    small = cv2.resize(gray, _HASH, interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.asarray((small[:, 1:] > small[:, :-1]).ravel())
