"""Reads pictures from files and bytes: always RGB uint8 (H, W, 3), upright, or one clear error."""

import io
import mmap
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from fersys.errors import ImageError
from fersys.results import Image

MAX_PIXELS = 50_000_000
MAX_MEMORY = 300 << 20  # bytes that reading a picture may take beside the file's content
# What photos come in (JPEG stands for MPO too). Others are left out on purpose: Pillow would hand EPS to an interpreter of PostScript.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# What Pillow raises on damaged files: its AVIF reader RuntimeError, odd EXIF data TypeError, and so on.
_DAMAGED = (OSError, SyntaxError, ValueError, RuntimeError, TypeError, EOFError, struct.error, cv2.error)
_DEEP_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})

# Bytes a pixel that Pillow holds while it decodes: by format, where a codec keeps copies of its own
# (measured with 20 and 50 megapixels), else by mode; and what it holds however small the picture.
_CODEC_BYTES = {"AVIF": 16, "JPEG2000": 20, "WEBP": 16}
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, **dict.fromkeys(_DEEP_MODES, 2)}
_ANY_MODE_BYTES = 4
_PROGRESSIVE_BYTES = 6  # beside: coefficients of the whole picture
_RGB_BYTES = 3
_STRIP = 1 << 20  # pixels that are converted at once
_PILLOW_BESIDE = 20 << 20

_PLAIN = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xda", b"\xff\xd9"

_ORIENTATION = 0x0112  # EXIF's tag
# From how the camera stored the picture to the upright one, by EXIF orientation. They return views.
_TURNS: dict[int, Callable[[Image], Image]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: image[::-1].transpose(1, 0, 2),
    7: lambda image: image[::-1, ::-1].transpose(1, 0, 2),
    8: lambda image: image[:, ::-1].transpose(1, 0, 2),
}


def read_image(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> Image:
    """Read a picture, turn it upright by its EXIF data and convert it to RGB.

    Transparent parts become white; of an animation the first frame is taken; 16 bits are
    scaled to 8. Takes at most `MAX_MEMORY`: enough for 50 megapixels of JPEG, of PNG without
    transparency and of gray, for 29 of progressive JPEG, for 41 of most else, and for 14 in formats
    whose decoders are lavish (WebP, AVIF, JPEG 2000).

    Args:
        source: path of a file, or the file's content.
        max_pixels: larger pictures are refused by their header, before they are decoded.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        ImageError: if it is missing, no picture, damaged, or larger than allowed.
    """
    name = "the uploaded file" if isinstance(source, bytes) else str(source)
    try:
        image, size, orientation = _decode(source, max_pixels, name)
        stored = _decode_plain(source, size) if image is None else image
        return np.ascontiguousarray(_TURNS[orientation](stored)) if orientation in _TURNS else stored
    except FileNotFoundError as error:
        raise ImageError(f"No such picture. Received: {name}") from error
    except PIL.Image.DecompressionBombError as error:
        raise ImageError(f"{name} is too large: expected at most {max_pixels / 1e6:g} megapixels. Received: more than that") from error
    except _DAMAGED as error:
        raise ImageError(f"Not a picture that can be read: expected JPEG, PNG, WebP and the like. Received: {name}") from error


def _check_size(picture: PIL.Image.Image, max_pixels: int, name: str) -> None:
    width, height = picture.size
    held = MAX_MEMORY // (2 * _RGB_BYTES) if _is_plain(picture) else _pillow_pixels(picture)
    allowed = min(max_pixels, held)
    if width * height > allowed:
        kind = "" if allowed == max_pixels else f" of {picture.format} in mode {picture.mode}"
        raise ImageError(f"{name} is too large: expected at most {allowed / 1e6:.3g} megapixels{kind}. Received: {width}×{height}")


def _pillow_pixels(picture: PIL.Image.Image) -> int:
    """How many pixels of its kind Pillow can read in `MAX_MEMORY`: it takes the most while it decodes, or while they are copied out."""
    held = _MODE_BYTES.get(picture.mode, _ANY_MODE_BYTES)
    decoding = max(held, _CODEC_BYTES.get(picture.format or "", 0)) + _PROGRESSIVE_BYTES * ("progressive" in picture.info)
    return (MAX_MEMORY - _PILLOW_BESIDE) // max(decoding, held + _RGB_BYTES)


def _is_plain(picture: PIL.Image.Image) -> bool:
    """Whether OpenCV reads the same pixels from it, and in less memory."""
    return picture.format in {"JPEG", "MPO", "PNG"} and picture.mode == "RGB" and not picture.has_transparency_data and "progressive" not in picture.info


def _decode(source: str | Path | bytes, max_pixels: int, name: str) -> tuple[Image | None, tuple[int, int], int]:
    """The picture as it is stored, its size and orientation; no picture if `_decode_plain` is to read it, when Pillow's memory is free again."""
    with PIL.Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS) as picture:
        _check_size(picture, max_pixels, name)
        orientation = picture.getexif().get(_ORIENTATION, 1)
        large = picture.width * picture.height > _pillow_pixels(picture)
        return (None if large else _to_rgb(picture)), picture.size, orientation


def _decode_plain(source: str | Path | bytes, size: tuple[int, int]) -> Image:
    """Read with OpenCV: from a file straight into place, from bytes in twice the memory."""
    if isinstance(source, bytes):
        return _from_bytes(np.frombuffer(source, np.uint8))
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    if _is_whole(Path(source)) and cv2.imread(str(source), image, _PLAIN) is image:
        return image
    del image
    return _from_bytes(np.fromfile(source, np.uint8))  # it breaks off, or lies on a path that OpenCV cannot open, on Windows


def _from_bytes(content: npt.NDArray[np.uint8]) -> Image:
    image = cv2.imdecode(content, _PLAIN)
    if image is None:
        raise ValueError("the data ends or breaks off")
    return np.asarray(image, dtype=np.uint8)


def _is_whole(path: Path) -> bool:
    """Whether a JPEG's first image has an end; true of other formats. From a file OpenCV takes half an image for whole, from bytes it does not."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[:2] != _JPEG_START:
            return True
        place = 2
        while content[place : place + 1] == b"\xff" and content[place + 1 : place + 2] != _JPEG_SCAN:
            place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        return content.find(_JPEG_END, place) >= 0


def _to_rgb(picture: PIL.Image.Image) -> Image:
    """Convert strip by strip: Pillow would hold the picture twice or three times."""
    picture.load()
    wide = picture.mode == "I" and bool(np.max(picture.getextrema()) > 255)  # 32 bits hold what 16 or 8 could: some files of 16 bits come this way
    image = np.empty((picture.height, picture.width, 3), np.uint8)
    rows = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        image[top : top + rows] = np.asarray(_strip_to_rgb(strip, wide))
    return image


def _strip_to_rgb(strip: PIL.Image.Image, wide: bool) -> PIL.Image.Image:
    if strip.mode in _DEEP_MODES:
        return PIL.Image.fromarray((np.asarray(strip) >> 8).astype(np.uint8)).convert("RGB")
    if strip.mode == "I":
        values = np.asarray(strip).clip(0, 65_535)
        return PIL.Image.fromarray((values >> 8 if wide else values).astype(np.uint8)).convert("RGB")
    if not strip.has_transparency_data:
        return strip.convert("RGB")
    layered = strip.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", layered.size, "white"), layered).convert("RGB")


def check_image(image: Image) -> None:
    """Raise ImageError unless the array is an RGB uint8 image (H, W, 3) with H, W ≥ 1."""
    if not isinstance(image, np.ndarray):
        raise ImageError(f"Expected an RGB uint8 array (H, W, 3). Received: {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ImageError(f"Expected an RGB uint8 array (H, W, 3). Received: {image.dtype} {image.shape}")
