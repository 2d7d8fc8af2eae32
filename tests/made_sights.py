"""Faces made of points, and what a judge would keep of frames that show them."""

import math

import numpy as np
import numpy.typing as npt

from app.captcha.cues import hash_of, thumb
from app.captcha.sights import Sight, share_of
from app.captcha.spoof_pictures import OVAL
from fersys.labels import EMOTIONS

Points = npt.NDArray[np.float32]


def head(smile: float = 0.0, yaw: float = 0.0, seed: int = 0) -> Points:
    """468 points on half an ellipsoid in a picture of 160×120, a few by name where the cues look for them."""
    generator = np.random.default_rng(seed)
    across, down = generator.uniform(-1, 1, (2, 468)) * 0.9
    across[[33, 263]], down[[33, 263]] = (-0.5, 0.5), -0.3
    across[[1, 4, 5]], down[[1, 4, 5]] = 0.0, (0.1, 0.05, 0.0)
    around = np.linspace(0, 2 * math.pi, len(OVAL), endpoint=False)
    across[list(OVAL)], down[list(OVAL)] = 0.9 * np.sin(around), -0.9 * np.cos(around)
    depth = -np.sqrt(np.clip(1 - 0.45 * (across**2 + down**2), 0, None))
    depth[[1, 4, 5]] -= 0.4
    mouth = (down > 0.3) & (np.abs(across) < 0.6)
    across, down = across * (1 + 0.25 * smile * mouth), down - 0.2 * smile * mouth * np.abs(across)
    angle = math.radians(yaw)
    x = across * math.cos(angle) - depth * math.sin(angle)
    z = depth * math.cos(angle) + across * math.sin(angle)
    return np.stack([80 + 25 * x, 60 + 30 * down, 25 * z], axis=1).astype(np.float32)


def moved(points: Points, matrix: npt.ArrayLike) -> Points:
    """The points of a photo of a face that is seen through a homography (3, 3)."""
    x, y, w = np.asarray(matrix) @ np.column_stack([points[:, :2], np.ones(len(points))]).T
    return np.column_stack([x / w, y / w, points[:, 2]]).astype(np.float32)


TILTED = [[0.9, 0.05, 3.0], [-0.04, 1.05, 2.0], [0.0006, -0.0003, 1.0]]


def room(seed: int = 0) -> npt.NDArray[np.uint8]:
    """A background with corners to hold on to, uint8 (120, 160)."""
    blocks = np.random.default_rng(seed).integers(30, 220, (12, 16), dtype=np.uint8)
    return blocks.repeat(10, axis=0).repeat(10, axis=1)


def sight(at: float, expression: str = "neutral", points: Points | None = None, yaw: float = 0.0, scene: int = 0) -> Sight:
    """What is kept of a frame in which both models are sure of an expression; every frame has its own noise."""
    placed = head(float(expression != "neutral"), yaw) if points is None else points
    generator = np.random.default_rng(round(at * 1000))
    gray = np.clip(room(scene).astype(int) + generator.integers(-2, 3, (120, 160)), 0, 255).astype(np.uint8)
    agreement = np.full(7, 0.02, np.float32)
    agreement[EMOTIONS.index(expression)] = 0.88
    crop = generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    background = thumb(gray, share_of(placed, 160, 120))
    return Sight(at, (200, 120, 160, 160), True, True, agreement, placed, yaw, gray, background, hash_of(crop, gray))
