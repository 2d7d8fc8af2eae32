"""Brings pictures to a size for the page, with their marks, and turns them into data URLs.

Nothing is written to disk: the page carries its pictures inline.
"""

import base64
import io
from collections.abc import Sequence

import numpy as np
import PIL.Image

from fersys.drawing import PALETTE, Mark, color, draw_marks
from fersys.results import Box, Image

__all__ = ["PALETTE", "Mark", "annotate", "color", "jpeg_url", "thumbnail"]

# Longer side of what is shown, in pixels: enough for a wide column, few enough for a quick page.
_SMALLEST_SIDE, _LARGEST_SIDE = 640, 1120
_JPEG_QUALITY = 88


def annotate(image: Image, marks: Sequence[Mark]) -> Image:
    """Draw a box with number and label for each face, on a copy brought to a size for the screen.

    Args:
        image: RGB uint8 (H, W, 3).
        marks: boxes in pixels of that image; the first is drawn last, so that no other covers it.

    Returns:
        RGB uint8 (H', W', 3) of the same proportions.
    """
    scale = _scale(image)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    picture = np.asarray(PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.LANCZOS))
    return draw_marks(picture, [Mark(_scaled(mark.box, scale), mark.number, mark.label) for mark in marks])


def _scale(image: Image) -> float:
    longer: int = max(image.shape[:2])
    return min(max(longer, _SMALLEST_SIDE), _LARGEST_SIDE) / longer


def _scaled(box: Box, scale: float) -> Box:
    x, y, width, height = (round(value * scale) for value in box)
    return x, y, max(1, width), max(1, height)


def jpeg_url(image: Image) -> str:
    """Return an RGB uint8 image as a `data:` URL of a JPEG without metadata."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def thumbnail(crop: Image, side: int) -> Image:
    """Return an RGB uint8 crop resized to (side, side, 3)."""
    return np.asarray(PIL.Image.fromarray(crop).resize((side, side), PIL.Image.Resampling.LANCZOS))
