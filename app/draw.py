"""Brings pictures to a size for the page and turns them into data URLs.

Nothing is written to disk: the page carries its pictures inline.
"""

import base64
import io

import numpy as np
import PIL.Image

from fersys.drawing import PALETTE, color
from fersys.preprocess import to_model_input
from fersys.results import Image

__all__ = ["PALETTE", "color", "fit", "jpeg_url", "network_view", "png_url", "thumbnail"]

# Longer side of what is shown, in pixels: enough for a wide column, few enough for a quick page.
SMALLEST_SIDE, LARGEST_SIDE = 640, 1120
_JPEG_QUALITY = 88


def fit(image: Image, largest: int = LARGEST_SIDE) -> Image:
    """Return an RGB uint8 (H, W, 3) picture brought to a size for the screen, of the same proportions."""
    scale = _scale(image, largest)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.LANCZOS))


def _scale(image: Image, largest: int) -> float:
    longer: int = max(image.shape[:2])
    return min(max(longer, SMALLEST_SIDE), largest) / longer


def jpeg_url(image: Image) -> str:
    """Return an RGB uint8 image as a `data:` URL of a JPEG without metadata."""
    return _url(PIL.Image.fromarray(image), "JPEG", quality=_JPEG_QUALITY)


def png_url(image: Image) -> str:
    """Return a gray (H, W), RGB or RGBA uint8 image as a `data:` URL of a PNG without metadata, each pixel as it is."""
    return _url(PIL.Image.fromarray(image), "PNG", optimize=True)


def _url(picture: PIL.Image.Image, kind: str, **options: int) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def thumbnail(crop: Image, side: int) -> Image:
    """Return an RGB uint8 crop resized to (side, side, 3)."""
    return np.asarray(PIL.Image.fromarray(crop).resize((side, side), PIL.Image.Resampling.LANCZOS))


def network_view(crop: Image) -> str:
    """Return what our CNN sees of an RGB uint8 crop, 48×48 pixels of gray, as a `data:` URL of some two kilobytes."""
    return png_url(to_model_input(crop)[..., 0])
