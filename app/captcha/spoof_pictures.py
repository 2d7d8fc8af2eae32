"""Makes pictures for the attacks: faces warped by their mesh, photos moved, bent and cut. For `spoof-bench` alone."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from app.captcha.cues import Points, eye_width, flatten
from fersys.results import Image

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
_STEP = 16  # pixels between the nodes of the grid on which a warp is computed
_REACH, _NEAR, _FADE = 0.06, 0.15, 0.9  # eye widths: how far a point pulls, where the face ends, where nothing moves any more
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)  # around the face
# Around the mouth, and around eyes and brows: what is cut out of a mask of paper.
_MOUTH = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
_EYES = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 340, 345, 346, 347, 348, 349, 126, 119, 118, 117, 116, 111)
_WIDER = 0.25  # eye widths by which the holes reach further


@dataclass(frozen=True, eq=False)
class Still:
    """A picture with one face: RGB uint8 (H, W, 3), and its mesh points, float (468, 3), in pixels."""

    image: Image
    points: Points


def warp(image: Image, source: Points, target: Points) -> Image:
    """Move the face in a picture so that its mesh points lie at new places; what is far from the face stays.

    Args:
        image: RGB uint8 (H, W, 3).
        source: where the points are, (468, 2 or 3), in pixels.
        target: where they are to be.

    Returns:
        RGB uint8 (H, W, 3).
    """
    height, width = image.shape[:2]
    old, new, unit = flatten(source)[::2].astype(np.float32), flatten(target)[::2].astype(np.float32), eye_width(target)
    columns, rows = (np.arange(0, length + _STEP, _STEP, dtype=np.float32) for length in (width, height))
    nodes = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    near = ((nodes > new.min(axis=0) - _FADE * unit) & (nodes < new.max(axis=0) + _FADE * unit)).all(axis=1)
    shifts = np.zeros((len(nodes), 2), np.float32)
    shifts[near] = _shifts(nodes[near], new, old - new, unit)
    grid = shifts.reshape(len(rows), len(columns), 2)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(grid, x / _STEP, y / _STEP, cv2.INTER_LINEAR)
    return np.asarray(cv2.remap(image, x + moved[..., 0], y + moved[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _shifts(nodes: Singles, places: Singles, shifts: Singles, unit: float) -> Singles:
    """The shift at each node: that of the points near it, fading out beyond the face."""
    apart = ((nodes[:, None] - places[None]) ** 2).sum(axis=2) / unit**2
    nearest = apart.min(axis=1, keepdims=True)
    weights = np.exp(-(apart - nearest) / (2 * _REACH**2))
    fade = np.clip((_FADE - np.sqrt(nearest)) / (_FADE - _NEAR), 0, 1) ** 2
    return np.asarray(fade * (weights @ shifts) / weights.sum(axis=1, keepdims=True), np.float32)


def morph(begin: Still, end: Still, share: float) -> Still:
    """Return the picture between two of the same size, at a share 0–1 of the way: shapes interpolated, pixels faded over."""
    if share <= 0 or share >= 1:
        return end if share >= 1 else begin
    points = (1 - share) * begin.points + share * end.points
    one, two = (warp(still.image, still.points, points) for still in (begin, end))
    return Still(np.asarray(cv2.addWeighted(one, 1 - share, two, share, 0), np.uint8), points)


def turn(still: Still, degrees: float, shift: npt.ArrayLike = 0.0) -> Still:
    """Turn the face about the vertical axis through the middle of the head, above 0 to the right of the picture, and move it by (x, y, z) pixels."""
    points = np.asarray(still.points, np.float64)
    centre = points.mean(axis=0) + np.array([0, 0, 0.35 * eye_width(points)])
    angle = math.radians(degrees)
    x, y, z = (points - centre).T
    turned = np.stack([x * math.cos(angle) - z * math.sin(angle), y, z * math.cos(angle) + x * math.sin(angle)], axis=1) + centre + shift
    return Still(warp(still.image, points, turned) if np.any(turned != points) else still.image, turned)


def place(donor: Still, base: Still) -> Points:
    """Return the donor's mesh points, moved, turned and scaled as a whole onto the base's."""
    points, target = flatten(donor.points), flatten(base.points)
    rigid = list(range(0, 468, 5))
    matrix, _ = cv2.estimateAffinePartial2D(points[rigid], target[rigid], method=cv2.LMEDS)
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    return np.column_stack([points @ matrix[:, :2].T + matrix[:, 2], np.asarray(donor.points[:, 2], np.float64) * scale])


def lend(donor: Still, base: Still) -> Still:
    """Return the base with the donor's face in place of its own: an expression that this person was not filmed with."""
    points = place(donor, base)
    height, width = base.image.shape[:2]
    matrix, _ = cv2.estimateAffinePartial2D(flatten(donor.points), flatten(points))
    carried = np.asarray(cv2.warpAffine(donor.image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    under = warp(base.image, base.points, points)
    mask = _mask(flatten(points), (height, width))
    shown = _toned(carried, under, mask)
    return Still(np.asarray(mask[..., None] * shown + (1 - mask[..., None]) * under, np.uint8), points)


def _mask(points: Floats, shape: tuple[int, int], chosen: tuple[int, ...] = OVAL, soft: float = 0.12) -> npt.NDArray[np.float32]:
    """1 inside an outline of mesh points, 0 outside, soft between."""
    mask = np.zeros(shape, np.float32)
    cv2.fillPoly(mask, [points[list(chosen)].round().astype(np.int32)], 1.0)
    unit = eye_width(points)
    if soft > 0.1:
        mask = np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=max(1, round(0.1 * unit))), np.float32)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(soft * unit, 0.5)), np.float32)


def _toned(image: Image, like: Image, mask: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The picture with the mean and spread of another's colours inside a mask."""
    inside = mask > 0.5
    mine, theirs = image[inside].astype(np.float32), like[inside].astype(np.float32)
    scale = theirs.std(axis=0) / np.maximum(mine.std(axis=0), 1)
    return np.asarray(np.clip((image - mine.mean(axis=0)) * scale + theirs.mean(axis=0), 0, 255), np.float32)


def cut_out(paper: Still, alive: Still) -> Still:
    """Return a photo with holes for mouth, eyes and brows, behind which a living face moves; cheeks, nose and forehead are paper."""
    height, width = paper.image.shape[:2]
    fitted = warp(alive.image, alive.points, _keep(paper.points, alive.points))
    holes = np.maximum(*(_mask(flatten(paper.points), (height, width), outline, 0.05) for outline in (_MOUTH, _EYES)))
    wider = max(1, round(_WIDER * eye_width(paper.points)))
    mask = np.asarray(cv2.dilate(holes, np.ones((3, 3), np.uint8), iterations=wider), np.float32)
    return Still(np.asarray(mask[..., None] * fitted + (1 - mask[..., None]) * paper.image, np.uint8), paper.points)


def _keep(paper: Points, alive: Points) -> Points:
    """The living points where the paper's rigid ones are."""
    return place(Still(np.zeros((1, 1, 3), np.uint8), alive), Still(np.zeros((1, 1, 3), np.uint8), paper))


@dataclass(frozen=True)
class Hand:
    """How a photo is held at a moment.

    Attributes:
        x, y: shift in shares of the picture's height.
        roll, yaw, pitch: in degrees.
        scale: 1: it fills the picture.
        bend: radians over the photo's width that it is rolled around a vertical cylinder.
    """

    x: float = 0.0
    y: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    scale: float = 1.0
    bend: float = 0.0


def hold(image: Image, room: Image, hand: Hand) -> Image:
    """Show a photo before a camera, in front of a room of the same size, as a hand holds it.

    Args:
        image: RGB uint8 (H, W, 3), the photo.
        room: RGB uint8 (H, W, 3), what is seen where the photo is not.
        hand: how it is held.

    Returns:
        RGB uint8 (H, W, 3).
    """
    height, width = image.shape[:2]
    photo = bend(image, hand.bend)
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]], np.float64) / 2 * hand.scale
    seen = _project(np.column_stack([corners, np.zeros(4)]), hand, 1.6 * width)
    seen += np.array([width, height]) / 2 + np.array([hand.x, hand.y]) * height
    begin = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(begin, seen.astype(np.float32))
    held = cv2.warpPerspective(photo, matrix, (width, height), flags=cv2.INTER_LINEAR)
    covered = cv2.warpPerspective(np.ones((height, width), np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST)
    return np.where(covered[..., None] > 0, held, room).astype(np.uint8)


def _project(points: Floats, hand: Hand, far: float) -> Floats:
    """Turn points of a plane and see them from a distance of `far` pixels."""
    roll, yaw, pitch = (math.radians(value) for value in (hand.roll, hand.yaw, hand.pitch))
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    about_y = np.array([[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0], [math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    x, y, z = (about_x @ about_y @ about_z @ points.T).copy()
    return np.asarray(np.stack([x, y], axis=1) * (far / (far + z))[:, None], np.float64)


def bend(image: Image, radians: float) -> Image:
    """Roll a photo around a vertical cylinder; what comes nearer in the middle grows."""
    if abs(radians) < 1e-3:
        return image
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height))
    half = math.sin(radians / 2)
    angle = np.arcsin(np.clip(2 * x * half, -1, 1))
    nearness = 1 + 0.25 * (np.cos(angle) - math.cos(radians / 2)) * np.sign(radians)
    source_x, source_y = (angle / radians + 0.5) * (width - 1), (y / nearness + 0.5) * (height - 1)
    return np.asarray(cv2.remap(image, source_x.astype(np.float32), source_y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
