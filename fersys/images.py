"""Reads pictures from files and bytes: always RGB uint8 (H, W, 3), upright, or one clear error."""

import io
import struct
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps

from fersys.errors import ImageError
from fersys.results import Image

MAX_PIXELS = 50_000_000
# What photos come in (JPEG stands for MPO too). Others are left out on purpose: Pillow would hand EPS to an interpreter of PostScript.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# What Pillow raises on damaged files: its AVIF reader RuntimeError, odd EXIF data TypeError, and so on.
_DAMAGED = (OSError, SyntaxError, ValueError, RuntimeError, TypeError, EOFError, struct.error)
_DEEP_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})


def read_image(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> Image:
    """Read a picture, turn it upright by its EXIF data and convert it to RGB.

    Transparent parts become white; of an animation the first frame is taken; 16-bit gray is
    scaled to 8 bits.

    Args:
        source: path of a file, or the file's content.
        max_pixels: larger pictures are refused by their header, before they are decoded.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        ImageError: if it is missing, no picture, damaged, or larger than `max_pixels`.
    """
    name = "the uploaded file" if isinstance(source, bytes) else str(source)
    try:
        with PIL.Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS) as picture:
            _check_size(picture.size, max_pixels, name)
            upright = PIL.ImageOps.exif_transpose(picture)
            return np.asarray(_to_rgb(upright), dtype=np.uint8)
    except FileNotFoundError as error:
        raise ImageError(f"No such picture. Received: {name}") from error
    except PIL.Image.DecompressionBombError as error:
        raise ImageError(f"{name} is too large: expected at most {max_pixels / 1e6:g} megapixels. Received: more than that") from error
    except _DAMAGED as error:
        raise ImageError(f"Not a picture that can be read: expected JPEG, PNG, WebP and the like. Received: {name}") from error


def _check_size(size: tuple[int, int], max_pixels: int, name: str) -> None:
    if size[0] * size[1] > max_pixels:
        raise ImageError(f"{name} is too large: expected at most {max_pixels / 1e6:g} megapixels. Received: {size[0]}×{size[1]}")


def _to_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode in _DEEP_MODES:
        return PIL.Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode == "I":  # 32 bits that hold what 16 or 8 could: some files of 16 bits come this way
        wide = np.asarray(picture).clip(0, 65_535)
        return PIL.Image.fromarray((wide >> 8 if wide.max() > 255 else wide).astype(np.uint8)).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", layered.size, "white"), layered).convert("RGB")


def check_image(image: Image) -> None:
    """Raise ImageError unless the array is an RGB uint8 image (H, W, 3) with H, W ≥ 1."""
    if not isinstance(image, np.ndarray):
        raise ImageError(f"Expected an RGB uint8 array (H, W, 3). Received: {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ImageError(f"Expected an RGB uint8 array (H, W, 3). Received: {image.dtype} {image.shape}")
